//! The address of a database, as `postgres://` or as words of libpq, with what it says about TLS:
//! `sslmode` is `disable`, `require`, `verify-ca` or `verify-full`, `sslrootcert` a file in PEM.
//!
//! Records of people do not travel open, nor to whoever answers: another machine than this one needs
//! `verify-ca` or `verify-full`. As in libpq, `require` with a root certificate is `verify-ca`.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use tokio_postgres::{Config, config::{Host, SslMode}};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::Trust;
use crate::error::EngineError;

/// How long somebody waits for a connection, or for the head of a realm.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Limits that each connection sets for itself, in milliseconds: none of them is met by sound work,
/// and a service that hangs must not keep a realm locked.
const LIMITS: &str = "-c lock_timeout=10000 -c statement_timeout=120000 -c idle_in_transaction_session_timeout=120000 -c timezone=UTC -c search_path=public";
/// How each connection has its statements planned: once, and for tables of any size, since a plan that is
/// made while a table is empty is used when it is large. All of them go by an index that begins with the
/// realm; lists that are given are what a join begins with.
const PLANS: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

/// Where a database is, and how it is spoken to.
pub(super) struct Address {
    pub config: Config,
    /// Makes protected connections; none where the line is open.
    pub tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads an address and adds our limits.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when it cannot be read, or asks for less protection than there has to be.
    pub fn parse(text: &str) -> Result<Address, EngineError> {
        let (config, trust) = understood(text)?;
        Ok(Address { config, tls: trust.map(|trust| trust.connector()).transpose()? })
    }
}

fn refused(text: impl Into<String>) -> EngineError {
    EngineError::Refused(text.into())
}

/// The address without what it says about TLS, and that.
fn understood(text: &str) -> Result<(Config, Option<Trust>), EngineError> {
    let (rest, words) = taken_out(text, &["sslmode", "sslrootcert"]).map_err(|why| refused(format!("the address of the database cannot be read: {why}")))?;
    let [mode, root] = words;
    let mut config = Config::from_str(&rest).map_err(|error| refused(format!("the address of the database cannot be read: {error}")))?;
    let trust = match (mode.as_deref(), root.map(PathBuf::from)) {
        (None | Some("disable"), None) => None,
        (None | Some("disable"), Some(_)) => return Err(refused("the address of the database names a root certificate (sslrootcert) and no TLS: say sslmode=verify-full")),
        (Some("require"), None) => Some(Trust::Anybody),
        (Some("require" | "verify-ca"), Some(root)) => Some(Trust::Authority(root)),
        (Some("verify-full"), Some(root)) => Some(Trust::Named(root)),
        (Some("verify-ca" | "verify-full"), None) => return Err(refused("the address of the database asks to verify its certificate and names no root certificate: add sslrootcert=FILE")),
        (Some(other), _) => return Err(refused(format!("sslmode={other}: it is disable, require, verify-ca or verify-full"))),
    };
    let sockets = config.get_hosts().iter().filter(|host| matches!(host, Host::Unix(_))).count();
    if trust.is_some() && sockets > 0 {
        return Err(refused("there is no TLS on a socket, and none is needed: leave sslmode out, or name the database by host and port"));
    }
    if let Some(far) = config.get_hosts().iter().find(|host| !is_near(host)) {
        match trust {
            Some(Trust::Authority(_) | Trust::Named(_)) => {}
            Some(Trust::Anybody) => return Err(refused(format!("{} is another machine, and sslmode=require alone says nothing about who answers there: add sslrootcert=FILE, and best sslmode=verify-full", Shown(far)))),
            None => return Err(refused(format!("{} is another machine, and records of people must not travel open: add sslmode=verify-full and sslrootcert=FILE", Shown(far)))),
        }
    }
    config.ssl_mode(if trust.is_some() { SslMode::Require } else { SslMode::Disable });
    let options = config.get_options().map_or_else(|| format!("{LIMITS} {PLANS}"), |given| format!("{LIMITS} {PLANS} {given}"));
    config.options(options).application_name("gladstone central").connect_timeout(PATIENCE);
    Ok((config, trust))
}

/// Whether what is said there stays on this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// An address without some of its parameters, and their values.
fn taken_out<const N: usize>(text: &str, names: &[&str; N]) -> Result<(String, [Option<String>; N]), String> {
    let mut values = [const { None }; N];
    let mut keep = |name: &str, value: String| match names.iter().position(|wanted| *wanted == name) {
        Some(at) if values[at].is_some() => Err(format!("{name} stands there twice")),
        Some(at) => {
            values[at] = Some(value);
            Ok(false)
        }
        None => Ok(true),
    };
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let mut kept = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if keep(name, decoded(value)?)? {
                kept.push(part);
            }
        }
        let rest = if kept.is_empty() { place.to_owned() } else { format!("{place}?{}", kept.join("&")) };
        return Ok((rest, values));
    }
    let mut kept = Vec::new();
    for (word, name, value) in words(text)? {
        if keep(&name, value)? {
            kept.push(word);
        }
    }
    Ok((kept.join(" "), values))
}

/// The words `name = value` of libpq: as written, name, and value without quotes.
fn words(text: &str) -> Result<Vec<(String, String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=').ok_or_else(|| format!("“{rest}” is no name=value"))?;
        let behind = behind.trim_start();
        let (mut value, mut end, mut quoted) = (String::new(), behind.len(), false);
        let mut letters = behind.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\'' if at == 0 => quoted = true,
                '\'' if quoted => {
                    (end, quoted) = (at + 1, false);
                    break;
                }
                '\\' => value.extend(letters.next().map(|(_, next)| next)),
                letter if !quoted && letter.is_whitespace() => {
                    end = at;
                    break;
                }
                letter => value.push(letter),
            }
        }
        if quoted {
            return Err("a quote is not closed".into());
        }
        found.push((format!("{}={}", name.trim(), &behind[..end]), name.trim().to_owned(), value));
        rest = behind[end..].trim_start();
    }
    Ok(found)
}

/// A value of a URL with its `%2F` and the like turned back.
fn decoded(value: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (*first, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            (b'%', None) => return Err(format!("“{value}” has a % without two digits")),
            (byte, _) => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("“{value}” is not UTF-8"))
}

struct Shown<'a>(&'a Host);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::Tcp(name) => f.write_str(name),
            Host::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_on_another_machine_needs_tls_and_a_root_certificate() {
        let check = |text: &str, wanted: Result<Option<Trust>, &str>| match (understood(text), wanted) {
            (Ok((config, trust)), Ok(wanted)) => {
                assert_eq!(trust, wanted, "{text}");
                assert_eq!(config.get_ssl_mode(), if wanted.is_some() { SslMode::Require } else { SslMode::Disable }, "{text}: never the one or the other");
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{text}: {error}"),
            (found, wanted) => panic!("{text}: {:?} instead of {wanted:?}", found.map(|(_, trust)| trust)),
        };
        let (authority, named) = (|file: &str| Ok(Some(Trust::Authority(file.into()))), |file: &str| Ok(Some(Trust::Named(file.into()))));
        for near in ["host=/run/postgresql dbname=gladstone", "postgres://gladstone_app@localhost/gladstone", "host=127.0.0.1", "host=::1", "host=localhost sslmode=disable"] {
            check(near, Ok(None));
        }
        check("host=localhost sslmode=require", Ok(Some(Trust::Anybody)));
        check("postgres://app:pa%3Fss@db.example.org/g?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem", named("/etc/my ca.pem"));
        check("postgresql://app@db.example.org:6432/g?application_name=x&sslrootcert=ca.pem&sslmode=verify-ca", authority("ca.pem"));
        check("host=db.example.org sslmode = require sslrootcert='/etc/my ca.pem' dbname=g", authority("/etc/my ca.pem"));
        check(r"sslrootcert=/etc/it\'s.pem host=192.0.2.1 sslmode='verify-full'", named("/etc/it's.pem"));
        for far in ["postgres://gladstone_app@db.example.org/gladstone", "host=192.0.2.1", "host=127.0.0.1,192.0.2.1", "host=192.0.2.1 sslmode=disable"] {
            check(far, Err("must not travel open"));
        }
        check("host=192.0.2.1 sslmode=require", Err("who answers"));
        check("host=localhost sslmode=verify-full", Err("names no root certificate"));
        check("host=localhost sslrootcert=ca.pem", Err("no TLS"));
        check("host=/run/postgresql sslmode=require", Err("socket"));
        for weak in ["prefer", "allow", "VERIFY-FULL", ""] {
            check(&format!("host=localhost sslmode='{weak}'"), Err("it is disable, require"));
        }
        check("host=localhost sslmode=require sslmode=disable", Err("twice"));
        for wrong in ["no address", "host=localhost sslmode='require", "postgres://a@localhost/g?sslmode=%zz", "host=localhost nonsense=1"] {
            check(wrong, Err("cannot be read"));
        }
    }

    #[test]
    fn a_root_certificate_that_is_none_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for content in [None, Some("nothing"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
            content.iter().for_each(|text| std::fs::write(&file, text).unwrap());
            let Err(error) = Address::parse(&format!("host=localhost sslmode=verify-full sslrootcert={}", file.display())) else { panic!("{content:?} is taken") };
            assert!(error.to_string().contains("ca.pem"), "{error}");
        }
    }
}
