//! TLS by rustls with ring: it builds without a C toolchain beyond `cc`, and leaves the process-wide choice of a
//! provider to the application.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{AlertDescription, ClientConfig, Error as TlsError, RootCertStore};

/// Whom to trust, and as whom to come: PEM.
#[derive(Clone, Default)]
pub(crate) struct Certificates {
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) client: Option<Vec<u8>>,
    pub(crate) client_key: Option<Vec<u8>>,
}

impl Certificates {
    pub(crate) fn connector(&self) -> Result<TlsConnector, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_root_certificates(self.roots()?);
        let config = match (&self.client, &self.client_key) {
            (None, None) => config.with_no_client_auth(),
            (Some(chain), Some(key)) => {
                let chain = certificates(chain, "the client certificate")?;
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|error| format!("the key of the client certificate is no PEM: {error}"))?;
                let config = config.with_client_auth_cert(chain, key);
                config.map_err(|error| format!("the client certificate cannot be used: {error}"))?
            }
            _ => return Err("a client certificate and its key are given together".to_owned()),
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// The given authority alone, or those that the system trusts.
    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let Some(ca) = &self.ca else {
            let (usable, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            return match usable {
                0 => Err("the system trusts no certificate authority: say which one to trust".to_owned()),
                _ => Ok(roots),
            };
        };
        for certificate in certificates(ca, "the certificate authority")? {
            let added = roots.add(certificate);
            added.map_err(|error| format!("the certificate authority cannot be used: {error}"))?;
        }
        Ok(roots)
    }
}

pub(crate) fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", Path::new(path).display()))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{what} is no PEM: there is no certificate in it")),
        Err(error) => Err(format!("{what} is no PEM: {error}")),
    }
}

/// What to do about a failed handshake, if it failed for TLS' own reasons.
pub(crate) fn advice(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<TlsError>()?;
    Some(match error {
        TlsError::InvalidCertificate(why) => format!(
            "its certificate is not trusted ({why}): name its certificate authority, and the server as its \
             certificate does"
        ),
        TlsError::InvalidMessage(_) => {
            "it does not speak TLS at this port: redis:// instead of rediss://, or \
                                        another port"
                .to_owned()
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a client certificate: give one with its key".to_owned()
        }
        TlsError::AlertReceived(alert) => format!("it refuses TLS as it is offered ({alert:?})"),
        other => format!("TLS fails: {other}"),
    })
}
