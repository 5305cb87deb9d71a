//! Where a bucket is and who asks it: `s3://bucket/folder?endpoint=…&region=…`, and a key that is in
//! the environment or in a file for its owner alone. Neither is ever shown.

use std::{env, fmt, fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::{Path, PathBuf}};

use rusty_s3::{Bucket, Credentials, UrlStyle};
use serde::Deserialize;
use url::{Host, Url};

/// A bucket, and the key to it.
#[derive(Clone)]
pub struct Place {
    pub(super) bucket: Bucket,
    pub(super) credentials: Credentials,
    /// What all names of objects begin with: empty, or with a slash at its end.
    pub(super) prefix: String,
    /// Certificate in PEM of the private authority that vouches for the store.
    pub(super) authority: Option<PathBuf>,
    /// Whether connections leave this computer.
    pub(super) is_here: bool,
}

/// Without the key.
impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.bucket.base_url(), self.prefix)
    }
}

/// The file of a key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
}

impl Place {
    /// Whether a setting names a bucket, not a folder.
    pub fn is_named_by(text: &str) -> bool {
        text.starts_with("s3://")
    }

    /// Reads an address, and the key to it: from `key_file`, else from `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and, if there is one, `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn parse(text: &str, key_file: Option<&Path>) -> Result<Place, String> {
        Place::with_key(text, match key_file {
            Some(file) => read_key(file)?,
            None => env_key()?,
        })
    }

    /// Reads an address, with a key that is known.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn with_key(text: &str, credentials: Credentials) -> Result<Place, String> {
        let address = Url::parse(text).map_err(|error| format!("{text}: {error}"))?;
        let name = address.host_str().unwrap_or_default().to_owned();
        if address.scheme() != "s3" || name.is_empty() || !address.username().is_empty() || address.password().is_some() {
            return Err("A bucket is named as s3://bucket/folder?endpoint=https://…&region=…; its key is in the environment or in a file.".into());
        }
        let (mut endpoint, mut region, mut style, mut authority) = (None, None, None, None);
        for (field, value) in address.query_pairs() {
            match field.as_ref() {
                "endpoint" => endpoint = Some(value.into_owned()),
                "region" => region = Some(value.into_owned()),
                "style" => style = Some(value.into_owned()),
                "authority" => authority = Some(PathBuf::from(value.into_owned())),
                other => return Err(format!("A bucket has no “{other}”; there are endpoint, region, style and authority.")),
            }
        }
        let style = match (style.as_deref(), &endpoint) {
            (Some("path"), _) | (None, Some(_)) => UrlStyle::Path,
            (Some("host"), _) | (None, None) => UrlStyle::VirtualHost,
            (Some(other), _) => return Err(format!("The style of a bucket is path or host, not “{other}”.")),
        };
        let region = region.unwrap_or_else(|| "us-east-1".into());
        let endpoint = endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let endpoint = Url::parse(&endpoint).map_err(|error| format!("{endpoint}: {error}"))?;
        let is_here = match endpoint.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if endpoint.scheme() != "https" && !(endpoint.scheme() == "http" && is_here) {
            return Err("A bucket on another computer is spoken to over https alone.".into());
        }
        let folder = address.path().trim_matches('/');
        if folder.split('/').any(|part| !folder.is_empty() && (part.is_empty() || part.starts_with('.') || !part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))) {
            return Err("The folder in a bucket is made of letters, digits, hyphens and slashes.".into());
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let bucket = Bucket::new(endpoint, style, name, region).map_err(|error| error.to_string())?;
        Ok(Place { bucket, credentials, prefix, authority, is_here })
    }
}

fn env_key() -> Result<Credentials, String> {
    let known = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    match (known("AWS_ACCESS_KEY_ID"), known("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => Ok(made(key, secret, known("AWS_SESSION_TOKEN"))),
        _ => Err("The bucket needs a key: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a file that --blobs-key names.".into()),
    }
}

fn read_key(path: &Path) -> Result<Credentials, String> {
    let fault = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => format!("{}: there is no such file", path.display()),
        _ => format!("{}: {error}", path.display()),
    };
    if fs::metadata(path).map_err(fault)?.permissions().mode() & 0o077 != 0 {
        return Err(format!("{0} may be read or changed by others on this computer; end that first: chmod go= '{0}'", path.display()));
    }
    // What cannot be read is not shown: it may hold the key.
    let file: KeyFile = toml::from_str(&fs::read_to_string(path).map_err(fault)?).map_err(|_| format!("{}: two lines are needed, access_key = \"…\" and secret_key = \"…\"; a third one may be session_token", path.display()))?;
    Ok(made(file.access_key, file.secret_key, file.session_token))
}

fn made(key: String, secret: String, token: Option<String>) -> Credentials {
    match token {
        Some(token) => Credentials::new_with_token(key, secret, token),
        None => Credentials::new(key, secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<String, String> {
        Place::with_key(text, Credentials::new("who", "secret")).map(|place| format!("{place:?}"))
    }

    #[test]
    fn an_address_names_bucket_folder_endpoint_and_region() {
        let good = [
            ("s3://files", "https://files.s3.us-east-1.amazonaws.com/"),
            ("s3://files/a/b/?region=eu-central-1", "https://files.s3.eu-central-1.amazonaws.com/a/b/"),
            ("s3://files/a?endpoint=https://store.example:9000&region=here", "https://store.example:9000/files/a/"),
            ("s3://files?endpoint=https://store.example&style=host", "https://files.store.example/"),
            ("s3://files?endpoint=http://127.0.0.1:9000", "http://127.0.0.1:9000/files/"),
        ];
        for (text, is) in good {
            assert_eq!(place(text).as_deref(), Ok(is), "{text}");
        }
        let bad = ["s3://", "s3://who:secret@files", "s3://files?endpoint=http://store.example", "s3://files?endpoint=ftp://127.0.0.1", "s3://files?secret=1", "s3://files?style=odd", "s3://files/a//b", "s3://files/../b%20c"];
        for text in bad {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_in_a_file_is_read_by_its_owner_alone_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bucket.key");
        let check = |text: &str, mode: u32| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            Place::parse("s3://files", Some(&file)).map(|place| place.credentials)
        };
        let good = "access_key = \"who\"\nsecret_key = \"hushhush\"\n";
        assert_eq!(check(good, 0o600).unwrap().secret(), "hushhush");
        let open = check(good, 0o640).unwrap_err();
        assert!(open.contains("chmod") && !open.contains("hushhush"), "{open}");
        let odd = check("secret_key = hushhush", 0o600).unwrap_err();
        assert!(!odd.contains("hushhush"), "{odd}");
        let shown = format!("{:?}", Place::with_key("s3://files", Credentials::new("who", "hushhush")));
        assert!(!shown.contains("hushhush") && !shown.contains("who"), "{shown}");
    }
}
