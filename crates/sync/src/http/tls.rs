//! Whom the laptop trusts: TLS 1.3 on ring, with the computer's authorities or one private one.
//! There is no switch to skip the check.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer, version::TLS13};

use super::HttpFault;

/// Who vouches for the centre.
pub(super) enum Trust<'a> {
    /// One private authority, as a certificate in DER.
    Private(&'a [u8]),
    /// Those that the computer trusts.
    Computer,
    /// Nobody: connections that never leave this computer have no certificate.
    Nobody,
}

/// The configuration of every connection.
pub(super) fn config(trust: &Trust<'_>) -> Result<ClientConfig, HttpFault> {
    let provider = Arc::new(ring::default_provider());
    let fault = |error: rustls::Error| HttpFault::Authority(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13]).map_err(fault)?;
    let mut config = match trust {
        Trust::Computer => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(fault)?;
            // "Dangerous" is any verifier but the built-in one; this one asks the system.
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        Trust::Private(_) | Trust::Nobody => {
            let mut roots = RootCertStore::empty();
            if let Trust::Private(der) = trust {
                roots.add(CertificateDer::from(der.to_vec())).map_err(fault)?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
