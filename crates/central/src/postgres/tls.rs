//! TLS 1.3 to PostgreSQL: rustls on ring, trusting the one root certificate that the settings name.

use std::{path::{Path, PathBuf}, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{WebPkiServerVerifier, danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier}},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::EngineError;

/// What is asked of a database before anything is said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// That somebody answers in TLS; good enough on this machine only.
    Anybody,
    /// A certificate of this authority, for whatever name.
    Authority(PathBuf),
    /// A certificate of this authority for the name, or address, by which the database is reached.
    Named(PathBuf),
}

impl Trust {
    /// What makes protected connections on these terms.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when the file of the root certificate cannot be read.
    pub fn connector(&self) -> Result<MakeRustlsConnect, EngineError> {
        let provider = Arc::new(ring::default_provider());
        let refused = |error: &dyn std::fmt::Display| EngineError::Refused(format!("TLS to the database cannot be set up: {error}"));
        let verifier = match self {
            Trust::Anybody => Verifier { chain: None, name: false, provider: Arc::clone(&provider) },
            Trust::Authority(file) | Trust::Named(file) => {
                let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(file)?), Arc::clone(&provider)).build().map_err(|error| refused(&error))?;
                Verifier { chain: Some(chain), name: matches!(self, Trust::Named(_)), provider: Arc::clone(&provider) }
            }
        };
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13]).map_err(|error| refused(&error))?;
        Ok(MakeRustlsConnect::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
    }
}

/// The certificates of a file in PEM.
fn roots(file: &Path) -> Result<RootCertStore, EngineError> {
    let refused = |error: &dyn std::fmt::Display| EngineError::Refused(format!("the root certificate of the database, {}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| refused(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        roots.add(certificate.map_err(|error| refused(&error))?).map_err(|error| refused(&error))?;
    }
    if roots.is_empty() { Err(refused(&"there is no certificate in it")) } else { Ok(roots) }
}

/// Checks what is asked for, and the signature of the handshake always.
#[derive(Debug)]
struct Verifier {
    /// Who may have signed the certificate; none asks nobody.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether it has to be for the name as well.
    name: bool,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(&self, certificate: &CertificateDer<'_>, between: &[CertificateDer<'_>], name: &ServerName<'_>, ocsp: &[u8], now: UnixTime) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, between, name, ocsp, now) {
            // The name is looked at last: this says that everything else is right.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) if !self.name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(&self, message: &[u8], certificate: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(&self, message: &[u8], certificate: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
