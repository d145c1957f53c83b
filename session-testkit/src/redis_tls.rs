use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tempfile::TempDir;

use crate::RedisServer;
use crate::redis_server::{TLS_PORT, TLS_TO_SERVERS, free_port};

/// A [`RedisServer`] that speaks TLS at a second port.
#[derive(Debug)]
pub struct RedisTls {
    server: RedisServer,
    certificates: RedisCertificates,
}

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
        let certificates = RedisCertificates::new();
        let server = RedisServer::start_in(|_| {
            let clients = ["--tls-auth-clients".to_owned(), clients.to_owned()];
            [certificates.for_clients(), clients.to_vec()].concat()
        });
        Self { server, certificates }
    }

    /// The server, by its port without TLS.
    #[must_use]
    pub fn server(&self) -> &RedisServer {
        &self.server
    }

    /// Where it speaks TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.tls_port().expect("it was started with TLS")
    }

    /// The store URL, without certificates.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port())
    }

    /// The authority of all certificates here: PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.certificates.ca()
    }

    /// A certificate for clients: PEM.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.certificates.client()
    }

    /// Its key: PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.certificates.client_key()
    }
}

/// Certificates of an authority, made anew: of servers and of a client. Their files end with it: so keep it as long as
/// the servers.
#[derive(Debug)]
pub struct RedisCertificates {
    folder: TempDir,
}

const CA: &str = "ca.pem";
const SERVER: &str = "server";
const CLIENT: &str = "client";

impl RedisCertificates {
    /// Of servers called 127.0.0.1 and localhost.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        Self::for_names(&["127.0.0.1", "localhost"])
    }

    /// Of servers called so.
    #[must_use]
    pub fn for_names(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder for certificates");
        write_certificates(folder.path(), names);
        Self { folder }
    }

    /// The authority of all of them: PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join(CA)
    }

    /// A certificate for clients: PEM.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.folder.path().join(format!("{CLIENT}.pem"))
    }

    /// Its key: PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.folder.path().join(format!("{CLIENT}.key"))
    }

    /// Options of a server that also speaks TLS with other servers.
    pub(crate) fn for_all(&self) -> Vec<String> {
        let servers = [TLS_TO_SERVERS, "yes"].map(str::to_owned);
        [&self.for_clients()[..], &servers].concat()
    }

    /// Options of a server that speaks TLS with clients, at a second port.
    pub(crate) fn for_clients(&self) -> Vec<String> {
        let file = |name: String| self.folder.path().join(name).display().to_string();
        [
            [TLS_PORT.to_owned(), free_port().to_string()],
            ["--tls-ca-cert-file".to_owned(), file(CA.to_owned())],
            ["--tls-cert-file".to_owned(), file(format!("{SERVER}.pem"))],
            ["--tls-key-file".to_owned(), file(format!("{SERVER}.key"))],
            ["--tls-auth-clients".to_owned(), "no".to_owned()],
        ]
        .concat()
    }
}

fn write_certificates(folder: &Path, names: &[&str]) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "authority of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key for the authority");
    let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate authority");
    fs::write(folder.join(CA), authority.pem()).expect("the authority's certificate is written");
    // The servers of a Cluster come to each other as clients.
    let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
    for (name, usages) in [(SERVER, vec![server, client.clone()]), (CLIENT, vec![client])] {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("the names of a certificate");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = usages;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("a certificate is written");
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("a key is written");
    }
}
