//! The link by which a laptop joins: where the centre is, the code, and who vouches for the centre.
//! `gladstone://join?url=https://centre.example:8470&code=7K3M-…&ca=<certificate>`.

use std::{fmt, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::{Host, Url};

/// Greatest length of a link in bytes: an address, a code, and a certificate.
const LONGEST: usize = 16 * 1024;

/// Where a centre is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// A link to join a centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinLink {
    /// Where the centre is.
    pub address: Address,
    /// The single-use code, as given out.
    pub code: String,
    /// The certificate (DER) of the private authority that vouches for the centre; none when a
    /// public one does.
    pub authority: Option<Vec<u8>>,
}

/// Why something is not an address or a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// Not a link to join.
    #[error("This is not a link to join a centre. It begins with gladstone://join and comes from whoever invited you.")]
    NotALink,
    /// No address of a centre.
    #[error("This is not the address of a centre. An address looks like https://centre.example:8470.")]
    NotAnAddress,
    /// Unprotected, and not on this computer.
    #[error("The address has to begin with https://; without it everybody on the way could read along.")]
    Unprotected,
    /// The code is missing.
    #[error("The link holds no code. Ask for a new invitation.")]
    NoCode,
    /// The certificate cannot be read.
    #[error("The certificate in the link cannot be read. Ask for a new invitation.")]
    NoCertificate,
}

impl Address {
    /// Reads an address: https, or http for this very computer; no user, no query.
    ///
    /// # Errors
    /// [`LinkFault::NotAnAddress`], [`LinkFault::Unprotected`].
    pub fn parse(text: &str) -> Result<Address, LinkFault> {
        let mut url = Url::parse(text.trim()).map_err(|_| LinkFault::NotAnAddress)?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if url.host().is_none() || !plain {
            return Err(LinkFault::NotAnAddress);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(LinkFault::Unprotected),
            _ => return Err(LinkFault::NotAnAddress),
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Address(url))
    }

    /// The address of something below it, `v1/push` for example.
    pub fn of(&self, path: &str) -> Url {
        // The base ends with a slash and has a host, so that joining a relative path cannot fail.
        self.0.join(path).unwrap_or_else(|_| self.0.clone())
    }

    /// Whether nothing protects the connection: only ever to this very computer.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether it is this very computer.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

impl JoinLink {
    /// Reads a link.
    ///
    /// # Errors
    /// [`LinkFault`].
    pub fn parse(text: &str) -> Result<JoinLink, LinkFault> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|_| LinkFault::NotALink)?;
        if text.len() > LONGEST || url.scheme() != "gladstone" || url.host_str() != Some("join") {
            return Err(LinkFault::NotALink);
        }
        let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let address = Address::parse(&value("url").ok_or(LinkFault::NotAnAddress)?)?;
        let code = value("code").filter(|code| !code.trim().is_empty()).ok_or(LinkFault::NoCode)?;
        let authority = match value("ca") {
            None => None,
            Some(text) => Some(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok().filter(|der| !der.is_empty()).ok_or(LinkFault::NoCertificate)?),
        };
        Ok(JoinLink { address, code, authority })
    }
}

impl fmt::Display for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("url", &self.address.to_string()).append_pair("code", &self.code);
        if let Some(der) = &self.authority {
            query.append_pair("ca", &URL_SAFE_NO_PAD.encode(der));
        }
        write!(f, "gladstone://join?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_was_written() {
        let check = |address: &str, code: &str, authority: Option<Vec<u8>>| {
            let link = JoinLink { address: Address::parse(address).unwrap(), code: code.into(), authority };
            assert_eq!(JoinLink::parse(&format!("  {link}\n")), Ok(link.clone()), "{link}");
        };
        check("https://centre.example:8470", "7K3M-9Q2X-ABCD-E", None);
        check("https://centre.example/gladstone", "7K3M 9Q2X", Some((0..=255).collect()));
        check("http://127.0.0.1:8470", "A", Some(vec![1]));
    }

    #[test]
    fn what_is_no_link_says_why() {
        let check = |text: &str, fault: LinkFault| assert_eq!(JoinLink::parse(text), Err(fault), "{text}");
        check("", LinkFault::NotALink);
        check("https://centre.example/join?code=1", LinkFault::NotALink);
        check("gladstone://leave?url=https://c.example&code=1", LinkFault::NotALink);
        check("gladstone://join?code=1", LinkFault::NotAnAddress);
        check("gladstone://join?url=ftp://c.example&code=1", LinkFault::NotAnAddress);
        check("gladstone://join?url=http://c.example&code=1", LinkFault::Unprotected);
        check("gladstone://join?url=https://c.example", LinkFault::NoCode);
        check("gladstone://join?url=https://c.example&code=%20", LinkFault::NoCode);
        check("gladstone://join?url=https://c.example&code=1&ca=***", LinkFault::NoCertificate);
        check(&format!("gladstone://join?url=https://c.example&code={}", "1".repeat(LONGEST)), LinkFault::NotALink);
    }

    #[test]
    fn an_address_is_protected_or_on_this_computer() {
        let check = |text: &str, shown: Result<&str, LinkFault>| assert_eq!(Address::parse(text).map(|address| address.to_string()), shown.map(str::to_owned), "{text}");
        check("https://centre.example", Ok("https://centre.example"));
        check("https://centre.example:8470/a/b/", Ok("https://centre.example:8470/a/b"));
        check("http://localhost:1", Ok("http://localhost:1"));
        check("http://127.9.9.9", Ok("http://127.9.9.9"));
        check("http://[::1]:8470", Ok("http://[::1]:8470"));
        check("http://10.0.0.1", Err(LinkFault::Unprotected));
        check("http://localhost.example", Err(LinkFault::Unprotected));
        check("https://somebody@centre.example", Err(LinkFault::NotAnAddress));
        check("https://centre.example/?a=b", Err(LinkFault::NotAnAddress));
        check("centre.example:8470", Err(LinkFault::NotAnAddress));
        assert_eq!(Address::parse("https://c.example/x").unwrap().of("v1/push").as_str(), "https://c.example/x/v1/push", "below a path too");
    }
}
