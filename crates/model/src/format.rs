//! What the text of a field must look like: e-mail, URL, telephone number and the like.
//! Rules over several fields are in `rule.rs`.

use std::sync::OnceLock;

use regex::Regex;

use crate::remedy::{self, Template};

/// A named form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An e-mail address (RFC 5321).
    Email,
    /// An absolute http or https URL, or a path that starts with a slash.
    Url,
    /// An absolute http or https URL.
    Website,
    /// A telephone number: 3 to 15 digits, with an optional plus sign and separators (E.164 length).
    Phone,
    /// A colour as #RRGGBB.
    Color,
    /// The name of a Lucide icon, in kebab case or PascalCase.
    Icon,
    /// Small letters, digits and hyphens.
    Slug,
    /// Letters, digits and underscores.
    Username,
    /// An IANA time zone, for example Europe/Berlin.
    TimeZone,
    /// A BCP 47 language tag of up to ten characters.
    Language,
    /// An IPv4 or IPv6 address, the last part of which may be masked.
    Ip,
    /// A Google Analytics 4 measurement id, G- and ten letters or digits.
    Ga4,
    /// HTML in which every element is closed.
    Html,
    /// Text of several lines; anything goes.
    Multiline,
}

impl Format {
    pub(crate) fn parse(name: &str) -> Result<Format, String> {
        Ok(match name {
            "email" => Format::Email,
            "url" => Format::Url,
            "website" => Format::Website,
            "phone" => Format::Phone,
            "color" => Format::Color,
            "icon" => Format::Icon,
            "slug" => Format::Slug,
            "username" => Format::Username,
            "timezone" => Format::TimeZone,
            "language" => Format::Language,
            "ip" => Format::Ip,
            "ga4" => Format::Ga4,
            "html" => Format::Html,
            "multiline" => Format::Multiline,
            other => return Err(format!("unknown format {other}")),
        })
    }

    /// The name used in declarations and by the screen.
    pub fn name(self) -> &'static str {
        match self {
            Format::Email => "email",
            Format::Url => "url",
            Format::Website => "website",
            Format::Phone => "phone",
            Format::Color => "color",
            Format::Icon => "icon",
            Format::Slug => "slug",
            Format::Username => "username",
            Format::TimeZone => "timezone",
            Format::Language => "language",
            Format::Ip => "ip",
            Format::Ga4 => "ga4",
            Format::Html => "html",
            Format::Multiline => "multiline",
        }
    }

    /// Checks a text. The error says what is wrong and what the text should look like.
    pub fn check(self, text: &str) -> Result<(), Template> {
        let (good, wrong) = match self {
            Format::Email => (email_address::EmailAddress::parse_with_options(text, email_address::Options::default().with_required_tld()).is_ok(), remedy::EMAIL),
            Format::Url => (is_url(text), remedy::URL),
            Format::Website => (is_website(text), remedy::WEBSITE),
            Format::Phone => (is_phone(text), remedy::PHONE),
            Format::Color => (pattern(r"^#[0-9A-Fa-f]{6}$", 0).is_match(text), remedy::COLOR),
            Format::Icon => (pattern(r"^[A-Za-z][A-Za-z0-9]*(-[a-z0-9]+)*$", 1).is_match(text), remedy::ICON),
            Format::Slug => (pattern(r"^[a-z0-9]+(-[a-z0-9]+)*$", 2).is_match(text), remedy::SLUG),
            Format::Username => (pattern(r"^[A-Za-z0-9_]+$", 3).is_match(text), remedy::USERNAME),
            Format::TimeZone => (pattern(r"^(UTC|[A-Za-z]+(/[A-Za-z0-9_+\-]+)+)$", 4).is_match(text), remedy::TIME_ZONE),
            Format::Language => (pattern(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,6})*$", 5).is_match(text), remedy::LANGUAGE),
            Format::Ip => (is_ip(text), remedy::IP),
            Format::Ga4 => (pattern(r"^G-[A-Z0-9]{10}$", 6).is_match(text), remedy::GA4),
            Format::Html => (is_balanced_html(text), remedy::HTML),
            Format::Multiline => return Ok(()),
        };
        if good { Ok(()) } else { Err(wrong) }
    }
}

/// A password is at least eight characters long and mixes letters, digits and other characters
/// (seed rule mindtrack:186). Used where an account is made; the store itself holds only hashes.
pub fn check_password(password: &str) -> Result<(), &'static str> {
    let long = password.chars().count() >= 8;
    let letters = password.chars().any(char::is_alphabetic);
    let digits = password.chars().any(|c| c.is_ascii_digit());
    let special = password.chars().any(|c| !c.is_alphanumeric() && !c.is_whitespace());
    if long && letters && digits && special { Ok(()) } else { Err("Password: must mix at least 8 letters, digits and other characters. Use a longer one with all three.") }
}

/// A postal code in the form of its country (ISO code or English name). Countries whose form is
/// not known here accept 2 to 12 letters, digits, spaces and hyphens.
pub fn check_postal_code(country: &str, code: &str) -> Result<(), Template> {
    let (form, wrong, at) = match country.trim().to_lowercase().as_str() {
        "united states" | "us" | "usa" => (r"^\d{5}(-\d{4})?$", remedy::ZIP_US, 7),
        "germany" | "de" | "france" | "fr" | "italy" | "it" | "spain" | "es" => (r"^\d{5}$", remedy::ZIP_FIVE, 8),
        "united kingdom" | "gb" | "uk" => (r"(?i)^[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}$", remedy::ZIP_UK, 9),
        "canada" | "ca" => (r"(?i)^[a-z]\d[a-z] ?\d[a-z]\d$", remedy::ZIP_CANADA, 10),
        "netherlands" | "nl" => (r"(?i)^\d{4} ?[a-z]{2}$", remedy::ZIP_NETHERLANDS, 11),
        "switzerland" | "ch" | "austria" | "at" | "belgium" | "be" | "denmark" | "dk" | "australia" | "au" | "norway" | "no" => (r"^\d{4}$", remedy::ZIP_FOUR, 12),
        "poland" | "pl" => (r"^\d{2}-\d{3}$", remedy::ZIP_POLAND, 13),
        _ => (r"(?i)^[a-z0-9][a-z0-9 \-]{1,11}$", remedy::ZIP_ELSEWHERE, 14),
    };
    if pattern(form, at).is_match(code.trim()) { Ok(()) } else { Err(wrong) }
}

/// Compiled once each; `at` is the pattern's own place.
#[allow(clippy::panic, reason = "what is built in was tested")]
fn pattern(text: &'static str, at: usize) -> &'static Regex {
    static COMPILED: [OnceLock<Regex>; 15] = [const { OnceLock::new() }; 15];
    COMPILED[at].get_or_init(|| match Regex::new(text) {
        Ok(regex) => regex,
        Err(error) => panic!("a built-in pattern is wrong: {error}"),
    })
}

fn is_url(text: &str) -> bool {
    text.starts_with('/') && !text.starts_with("//") || is_website(text)
}

fn is_website(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '/');
    (3..=15).contains(&digits) && text.chars().all(allowed) && !text.chars().skip(1).any(|c| c == '+')
}

fn is_ip(text: &str) -> bool {
    text.replace(".xxx", ".0").parse::<std::net::IpAddr>().is_ok()
}

/// Every opened element is closed in order; void elements and comments may stand alone.
fn is_balanced_html(text: &str) -> bool {
    const VOID: [&str; 14] = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            let Some(end) = comment.find("-->") else { return false };
            rest = &comment[end + 3..];
            continue;
        }
        let Some(end) = tag_end(rest) else { return false };
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let name: String = tag.trim_start_matches('/').chars().take_while(|c| !c.is_whitespace() && *c != '/').collect::<String>().to_lowercase();
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
            return false;
        }
        if tag.starts_with('/') {
            if open.pop().as_deref() != Some(name.as_str()) {
                return false;
            }
        } else if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    open.is_empty()
}

/// The closing angle bracket of a tag, past quoted attribute values.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '<') => return None,
            (None, '"' | '\'') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postal_code_has_the_form_of_its_country_and_every_form_can_be_asked_about() {
        let check = |country: &str, good: &str, bad: &str| {
            assert_eq!(check_postal_code(country, good), Ok(()), "{country}: {good}");
            assert!(check_postal_code(country, bad).is_err(), "{country}: {bad}");
        };
        check("US", "94110-1234", "9411");
        check("Germany", "10115", "1011");
        check("gb", "SW1A 1AA", "10115");
        check("Canada", "k1a 0b1", "K1A 0B");
        check("nl", "1012 AB", "1012");
        check("Switzerland", "8001", "80011");
        check("PL", "00-950", "00950");
        check("Japan", "100-0001", "〒100-0001");
    }

    #[test]
    fn a_text_has_its_form_and_every_form_can_be_asked_about() {
        let check = |format: Format, good: &str, bad: &str| {
            assert_eq!(format.check(good), Ok(()), "{good}");
            assert!(format.check(bad).is_err(), "{bad}");
        };
        check(Format::Email, "amara@example.org", "amara at example");
        check(Format::Url, "/forms/7", "//example.org");
        check(Format::Website, "https://example.org", "example.org");
        check(Format::Phone, "+44 20 7946 0018", "call me");
        check(Format::Color, "#1F5B4E", "1F5B4E");
        check(Format::Icon, "heart-pulse", "heart pulse");
        check(Format::Slug, "sleep-diary", "Sleep diary");
        check(Format::Username, "amara_1", "amara osei!");
        check(Format::TimeZone, "Europe/London", "London time");
        check(Format::Language, "de-AT", "German, Austrian");
        check(Format::Ip, "192.0.2.7", "192.0.2");
        check(Format::Ga4, "G-A1B2C3D4E5", "UA-1");
        check(Format::Html, "<p>Küche — <b>neu</b><br></p><!-- ü -->", "<p>Küche — <b>neu</p>");
        check(Format::Html, "2 > 1", "1 < 2 und <ü");
        assert_eq!(Format::Multiline.check("anything"), Ok(()));
    }
}
