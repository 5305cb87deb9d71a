//! The centre's certificate: read from files, or made together with a private authority for a
//! practice that has no public name. TLS 1.3 on ring, nothing else.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};

/// Files of the private authority.
const AUTHORITY: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority.key";

/// What is wrong with certificate or key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// A file does not hold what it should.
    #[error("{0}: {1}")]
    Content(PathBuf, String),
    /// The certificate cannot be made.
    #[error("the certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
}

/// A certificate that the centre made for itself, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfSigned {
    /// Certificate file.
    pub certificate: PathBuf,
    /// Key file.
    pub key: PathBuf,
    /// The authority's certificate as DER: laptops get it with their invitation.
    pub authority: Vec<u8>,
}

/// The configuration of the service from files in PEM.
pub(super) fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let content = |path: &Path, error: &dyn std::fmt::Display| TlsError::Content(path.to_owned(), error.to_string());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<_, _>>().map_err(|error| content(certificate, &error))?;
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| content(key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_protocol_versions(&[&TLS13]).map_err(|error| content(certificate, &error))?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(|error| content(certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The authority in `folder` as DER, made when it is missing. It stays the same, so that laptops go
/// on trusting it.
///
/// # Errors
/// [`TlsError`].
pub fn own_authority(folder: &Path) -> Result<Vec<u8>, TlsError> {
    let (key, certificate) = (folder.join(AUTHORITY_KEY), folder.join(AUTHORITY));
    fs::create_dir_all(folder).map_err(|error| TlsError::File(folder.to_owned(), error))?;
    if !key.exists() || !certificate.exists() {
        let pair = KeyPair::generate()?;
        let made = authority_params().self_signed(&pair)?;
        write(&key, pair.serialize_pem().as_bytes(), true)?;
        write(&certificate, made.pem().as_bytes(), false)?;
    }
    authority(&certificate)
}

/// The certificate in `folder` for these names and addresses, made when it is missing or for others.
///
/// # Errors
/// [`TlsError`].
pub fn self_signed(folder: &Path, names: &[String]) -> Result<SelfSigned, TlsError> {
    let authority = own_authority(folder)?;
    let (key, certificate, names_file) = (folder.join("centre.key"), folder.join("centre.pem"), folder.join("centre.names"));
    let wanted = names.join("\n");
    if !key.exists() || !certificate.exists() || fs::read_to_string(&names_file).ok().as_deref() != Some(&wanted) {
        let issuer = Issuer::new(authority_params(), KeyPair::from_pem(&text(&folder.join(AUTHORITY_KEY))?)?);
        let pair = KeyPair::generate()?;
        let signed = centre_params(names)?.signed_by(&pair, &issuer)?;
        write(&key, pair.serialize_pem().as_bytes(), true)?;
        write(&certificate, signed.pem().as_bytes(), false)?;
        write(&names_file, wanted.as_bytes(), false)?;
    }
    Ok(SelfSigned { certificate, key, authority })
}

/// The certificate of a private authority as DER, from a file in PEM.
///
/// # Errors
/// [`TlsError`].
pub fn authority(path: &Path) -> Result<Vec<u8>, TlsError> {
    let der = CertificateDer::from_pem_slice(&read(path)?).map_err(|error| TlsError::Content(path.to_owned(), error.to_string()))?;
    Ok(der.to_vec())
}

/// The same each time, so that a new certificate names the issuer that is trusted.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Gladstone centre authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2056, 1, 1);
    params
}

fn centre_params(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    // Names that are addresses become addresses in the certificate.
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("Gladstone centre");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2056, 1, 1);
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// The names for which a centre makes its certificate: this computer, and how it is reached.
pub fn names(listen: IpAddr, public: Option<&str>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = public.and_then(|address| url::Url::parse(address).ok()).and_then(|url| url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()));
    names.extend(host);
    if !listen.is_unspecified() && !listen.is_loopback() {
        names.push(listen.to_string());
    }
    names.sort();
    names.dedup();
    names
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

fn text(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|error| TlsError::File(path.to_owned(), error))
}

/// Writes a file completely; a secret one for its owner alone.
fn write(path: &Path, bytes: &[u8], secret: bool) -> Result<(), TlsError> {
    let written = || -> io::Result<()> {
        let parts = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
        #[cfg(not(unix))]
        let _ = secret;
        let mut file: File = options.open(&parts)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&parts, path)
    };
    written().map_err(|error| TlsError::File(path.to_owned(), error))
}
