use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

use crate::RedisServer;
use crate::redis_server::free_port;

/// A [`RedisServer`] that speaks TLS at a second port, with certificates that were made for it and end with it.
#[derive(Debug)]
pub struct RedisTls {
    server: RedisServer,
    port: u16,
}

const CA: &str = "ca.pem";
const SERVER: &str = "server";
const CLIENT: &str = "client";

impl RedisTls {
    /// A server that does not ask for a client certificate.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("no")
    }

    /// A server that serves only who has a certificate of its authority.
    #[must_use]
    pub fn with_client_certificates() -> Self {
        Self::start_with("yes")
    }

    /// One that tests share as long as one of them holds it. Keys of each under a namespace of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisTls>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    fn start_with(clients: &str) -> Self {
        let port = std::cell::Cell::new(0);
        let server = RedisServer::start_in(|folder| {
            write_certificates(folder);
            port.set(free_port());
            let file = |name: String| folder.join(name).display().to_string();
            [
                ["--tls-port".to_owned(), port.get().to_string()],
                ["--tls-auth-clients".to_owned(), clients.to_owned()],
                ["--tls-ca-cert-file".to_owned(), file(CA.to_owned())],
                ["--tls-cert-file".to_owned(), file(format!("{SERVER}.pem"))],
                ["--tls-key-file".to_owned(), file(format!("{SERVER}.key"))],
            ]
            .concat()
        });
        Self { server, port: port.get() }
    }

    /// The server, by its port without TLS.
    #[must_use]
    pub fn server(&self) -> &RedisServer {
        &self.server
    }

    /// Where it speaks TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The store URL, without certificates.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }

    /// The authority of all certificates here: PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.server.folder.path().join(CA)
    }

    /// A certificate for clients: PEM.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.server.folder.path().join(format!("{CLIENT}.pem"))
    }

    /// Its key: PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.server.folder.path().join(format!("{CLIENT}.key"))
    }
}

fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "authority of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key for the authority");
    let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate authority");
    fs::write(folder.join(CA), authority.pem()).expect("the authority's certificate is written");
    let roles =
        [(SERVER, ExtendedKeyUsagePurpose::ServerAuth), (CLIENT, ExtendedKeyUsagePurpose::ClientAuth)];
    for (name, usage) in roles {
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let mut params = CertificateParams::new(names).expect("the names of a certificate");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("a certificate is written");
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("a key is written");
    }
}
