use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::RedisServer;
use crate::certificates::Certificates;
use crate::redis_server::free_port;

/// A [`RedisServer`] that speaks TLS at a second port, with certificates that were made for it and end with it.
#[derive(Debug)]
pub struct RedisTls {
    server: RedisServer,
    port: u16,
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
        let port = std::cell::Cell::new(0);
        let server = RedisServer::start_in(|folder| {
            let certificates = Certificates::make_in(folder);
            port.set(free_port());
            [
                ["--tls-port".to_owned(), port.get().to_string()],
                ["--tls-auth-clients".to_owned(), clients.to_owned()],
                ["--tls-ca-cert-file".to_owned(), certificates.ca().display().to_string()],
                ["--tls-cert-file".to_owned(), certificates.server().display().to_string()],
                ["--tls-key-file".to_owned(), certificates.server_key().display().to_string()],
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
        self.certificates().ca()
    }

    /// A certificate for clients: PEM.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.certificates().client()
    }

    /// Its key: PEM.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.certificates().client_key()
    }

    fn certificates(&self) -> Certificates {
        Certificates::of(self.server.folder.path())
    }
}
