use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::RedisServer;
use crate::certificates::{Certificates, HERE};
use crate::machine::free_port;
use crate::redis_server::{TLS_PORT, TLS_TO_SERVERS};

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
    files: Certificates,
    _folder: TempDir,
}

impl RedisCertificates {
    /// Of servers called 127.0.0.1 and localhost.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        Self::for_names(&HERE)
    }

    /// Of servers called so.
    #[must_use]
    pub fn for_names(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder for certificates");
        Self { files: Certificates::make_for(names, folder.path()), _folder: folder }
    }

    /// The authority of all of them: PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.files.ca()
    }

    /// A certificate for clients: PEM.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.files.client()
    }

    /// Its key: PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.files.client_key()
    }

    /// Options of a server that also speaks TLS with other servers.
    pub(crate) fn for_all(&self) -> Vec<String> {
        let servers = [TLS_TO_SERVERS, "yes"].map(str::to_owned);
        [&self.for_clients()[..], &servers].concat()
    }

    /// Options of a server that speaks TLS with clients, at a second port.
    pub(crate) fn for_clients(&self) -> Vec<String> {
        [
            [TLS_PORT.to_owned(), free_port().to_string()],
            ["--tls-ca-cert-file".to_owned(), self.files.ca().display().to_string()],
            ["--tls-cert-file".to_owned(), self.files.server().display().to_string()],
            ["--tls-key-file".to_owned(), self.files.server_key().display().to_string()],
            ["--tls-auth-clients".to_owned(), "no".to_owned()],
        ]
        .concat()
    }
}
