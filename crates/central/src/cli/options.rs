//! Where the settings of the centre come from: flags first, then the environment
//! (`GLADSTONE_CENTRAL_…`), then the file that `--config` names.

use std::{net::SocketAddr, num::NonZeroU32, path::{Path, PathBuf}, sync::Arc};

use clap::Args;
use serde::Deserialize;

use crate::{Centre, blobs::{Blobs, Quota, bucket::Place}, http::{self, Limits, Settings}};

/// The settings; in the file they have the same names with underscores.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Folder of the centre: the embedded store (one file for each organization), files that records
    /// name, certificates, witnesses.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_DATA")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of the embedded store, for example postgres://gladstone_app@localhost/gladstone; on
    /// another machine with ?sslmode=verify-full&sslrootcert=FILE.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Where the files that records name are: a folder, or s3://bucket/folder?endpoint=https://…&region=….
    /// Without it in the data folder.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_BLOBS")]
    blobs: Option<String>,
    /// File with the key to the bucket, for its owner alone; without it AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY in the environment.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_BLOBS_KEY")]
    blobs_key: Option<PathBuf>,
    /// Where the service listens; without TLS only on this computer.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_LISTEN")]
    listen: Option<SocketAddr>,
    /// How laptops reach the service, for example https://centre.example:8470; part of invitations.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_PUBLIC_URL")]
    public_url: Option<String>,
    /// Certificate chain in PEM.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_TLS_CERTIFICATE", requires = "tls_key", conflicts_with = "tls_self_signed")]
    tls_certificate: Option<PathBuf>,
    /// Its private key in PEM.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Certificate in PEM of the private authority that signed it; part of invitations.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_TLS_AUTHORITY", requires = "tls_certificate")]
    tls_authority: Option<PathBuf>,
    /// Make a private authority and a certificate in the data folder, and renew it when names change.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_TLS_SELF_SIGNED")]
    tls_self_signed: bool,
    /// Let other computers read /metrics too.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_OPEN_METRICS")]
    open_metrics: bool,
    /// What is logged: error, warn, info or debug.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_LOG")]
    log: Option<String>,
    /// Requests of one laptop in a minute.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_REQUESTS_A_MINUTE")]
    requests_a_minute: Option<NonZeroU32>,
    /// Codes tried from one address in a minute.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_ENROLMENTS_A_MINUTE")]
    enrolments_a_minute: Option<NonZeroU32>,
    /// Sign-ins from one address in a minute.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_SIGN_INS_A_MINUTE")]
    sign_ins_a_minute: Option<NonZeroU32>,
    /// Pushes and pulls at once.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_AT_ONCE")]
    at_once: Option<NonZeroU32>,
    /// First downloads at once.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_FIRST_DOWNLOADS_AT_ONCE")]
    first_downloads_at_once: Option<NonZeroU32>,
    /// Connections at once.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_CONNECTIONS")]
    connections: Option<NonZeroU32>,
    /// Requests about files of one laptop in a minute; a part of a file is one.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_FILE_REQUESTS_A_MINUTE")]
    file_requests_a_minute: Option<NonZeroU32>,
    /// Requests about files at once.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_FILES_AT_ONCE")]
    files_at_once: Option<NonZeroU32>,
    /// MiB of files that one laptop may bring in a day.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_FILE_MIB_A_DAY")]
    file_mib_a_day: Option<u32>,
    /// GiB that the files of one organization may have.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_FILE_GIB")]
    file_gib: Option<u32>,
    /// Days for which the log of changes is kept, 30 at least; a laptop that was away for longer downloads
    /// everything anew. Records and what laptops sent stay for ever.
    #[arg(long, global = true, env = "GLADSTONE_CENTRAL_LOG_DAYS", value_parser = clap::value_parser!(u16).range(30..))]
    log_days: Option<u16>,
}

/// How the service proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Not at all: connections never leave this computer, or a proxy before it does.
    Plain,
    /// By files.
    Files { certificate: PathBuf, key: PathBuf, authority: Option<PathBuf> },
    /// By what it makes itself.
    SelfSigned,
}

impl Options {
    /// Takes from the file what flags and environment leave open.
    pub(super) fn with_file(self, path: Option<&Path>) -> Result<Options, String> {
        let Some(path) = path else { return Ok(self) };
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: Options = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        // Certificate, key and authority belong together: whoever names one names all.
        let (tls, with) = if self.tls_certificate.is_some() || self.tls_self_signed { (&self, true) } else { (&file, false) };
        if !with && file.tls_certificate.is_some() != file.tls_key.is_some() {
            return Err(format!("{}: tls_certificate and tls_key belong together", path.display()));
        }
        Ok(Options {
            data: self.data.clone().or(file.data.clone()),
            database: self.database.clone().or(file.database.clone()),
            blobs: self.blobs.clone().or(file.blobs.clone()),
            blobs_key: self.blobs_key.clone().or(file.blobs_key.clone()),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.clone().or(file.public_url.clone()),
            tls_certificate: tls.tls_certificate.clone(),
            tls_key: tls.tls_key.clone(),
            tls_authority: tls.tls_authority.clone(),
            tls_self_signed: tls.tls_self_signed,
            open_metrics: self.open_metrics || file.open_metrics,
            log: self.log.clone().or(file.log.clone()),
            requests_a_minute: self.requests_a_minute.or(file.requests_a_minute),
            enrolments_a_minute: self.enrolments_a_minute.or(file.enrolments_a_minute),
            sign_ins_a_minute: self.sign_ins_a_minute.or(file.sign_ins_a_minute),
            at_once: self.at_once.or(file.at_once),
            first_downloads_at_once: self.first_downloads_at_once.or(file.first_downloads_at_once),
            connections: self.connections.or(file.connections),
            file_requests_a_minute: self.file_requests_a_minute.or(file.file_requests_a_minute),
            files_at_once: self.files_at_once.or(file.files_at_once),
            file_mib_a_day: self.file_mib_a_day.or(file.file_mib_a_day),
            file_gib: self.file_gib.or(file.file_gib),
            log_days: self.log_days.or(file.log_days),
        })
    }

    pub(super) fn data(&self) -> Result<&Path, String> {
        self.data.as_deref().ok_or_else(|| "Name the centre's folder with --data.".to_owned())
    }

    /// The folder of files; where they are in a bucket, of what this service counts.
    pub(super) fn blobs(&self) -> Result<PathBuf, String> {
        match &self.blobs {
            Some(place) if !Place::is_named_by(place) => Ok(place.into()),
            _ => Ok(self.data()?.join("blobs")),
        }
    }

    /// The bucket of files, if they are in one.
    fn bucket(&self) -> Result<Option<Place>, String> {
        match &self.blobs {
            Some(place) if Place::is_named_by(place) => Place::parse(place, self.blobs_key.as_deref()).map(Some),
            Some(place) if place.contains("://") => Err(format!("{place} is neither a folder nor a bucket (s3://…).")),
            _ => Ok(None),
        }
    }

    /// The files that records name.
    pub(super) fn files(&self, centre: &Arc<Centre>) -> Result<Blobs, String> {
        let files = http::files(centre, &self.settings()?).map_err(|error| error.to_string())?;
        files.ok_or_else(|| "There are no files.".to_owned())
    }

    /// Whether files are in a bucket.
    pub(super) fn has_bucket(&self) -> bool {
        self.blobs.as_deref().is_some_and(Place::is_named_by)
    }

    pub(super) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    pub(super) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8470)))
    }

    pub(super) fn log(&self) -> &str {
        self.log.as_deref().unwrap_or("info")
    }

    /// Days for which the log of changes is kept.
    pub(super) fn log_days(&self) -> u16 {
        self.log_days.unwrap_or(90)
    }

    pub(super) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    pub(super) fn identity(&self) -> Identity {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Identity::Files { certificate: certificate.clone(), key: key.clone(), authority: self.tls_authority.clone() },
            _ if self.tls_self_signed => Identity::SelfSigned,
            _ => Identity::Plain,
        }
    }

    /// Where laptops find the service.
    pub(super) fn address(&self) -> Result<String, String> {
        if let Some(address) = &self.public_url {
            return Ok(address.clone());
        }
        let listen = self.listen();
        if listen.ip().is_unspecified() {
            return Err("Say with --public-url how laptops reach the service; part of an invitation.".into());
        }
        let scheme = if self.identity() == Identity::Plain { "http" } else { "https" };
        Ok(format!("{scheme}://{listen}"))
    }

    pub(super) fn settings(&self) -> Result<Settings, String> {
        let usual = Limits::default();
        Ok(Settings {
            limits: Limits {
                requests_a_minute: self.requests_a_minute.unwrap_or(usual.requests_a_minute),
                enrolments_a_minute: self.enrolments_a_minute.unwrap_or(usual.enrolments_a_minute),
                sign_ins_a_minute: self.sign_ins_a_minute.unwrap_or(usual.sign_ins_a_minute),
                at_once: self.at_once.unwrap_or(usual.at_once),
                first_downloads_at_once: self.first_downloads_at_once.unwrap_or(usual.first_downloads_at_once),
                connections: self.connections.unwrap_or(usual.connections),
                file_requests_a_minute: self.file_requests_a_minute.unwrap_or(usual.file_requests_a_minute),
                files_at_once: self.files_at_once.unwrap_or(usual.files_at_once),
                files: Quota {
                    device_a_day: self.file_mib_a_day.map_or(usual.files.device_a_day, |mib| u64::from(mib) << 20),
                    realm: self.file_gib.map_or(usual.files.realm, |gib| u64::from(gib) << 30),
                },
            },
            blobs: Some(self.blobs()?),
            bucket: self.bucket()?,
            open_metrics: self.open_metrics,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_before_the_file_and_the_example_file_is_read() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("central.example.toml");
        let file = Options::default().with_file(Some(&example)).unwrap();
        assert_eq!(file.listen(), "127.0.0.1:8470".parse().unwrap(), "the example states the default");
        assert_eq!(file.settings().unwrap().limits, Limits::default(), "and those of the limits");
        assert_eq!(file.log_days, Some(Options::default().log_days()), "and the days of the log");
        let flags = Options { listen: Some("127.0.0.1:1".parse().unwrap()), ..Options::default() };
        assert_eq!(flags.with_file(Some(&example)).unwrap().listen().port(), 1, "a flag wins");
    }

    #[test]
    fn an_invitation_names_an_address_that_laptops_can_reach() {
        let address = |listen: &str, public: Option<&str>, own: bool| Options { listen: Some(listen.parse().unwrap()), public_url: public.map(str::to_owned), tls_self_signed: own, ..Options::default() }.address();
        assert_eq!(address("127.0.0.1:8470", None, false), Ok("http://127.0.0.1:8470".into()));
        assert_eq!(address("192.0.2.7:8470", None, true), Ok("https://192.0.2.7:8470".into()));
        assert_eq!(address("0.0.0.0:8470", Some("https://centre.example"), true), Ok("https://centre.example".into()));
        assert!(address("0.0.0.0:8470", None, true).is_err(), "all addresses are none");
    }
}
