use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use rustix::process::Signal;
use tempfile::TempDir;

#[cfg(feature = "tls")]
use crate::certificates::Certificates;
use crate::database_server::{DatabaseServer, command, complete, find, folder, shared};

const USER: &str = "session";

/// A private PostgreSQL, and what can be done to it as to any [`DatabaseServer`].
#[derive(Debug)]
pub struct PostgresServer {
    server: DatabaseServer,
}

/// Quick, whatever a crash of the machine would leave.
const QUICK: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

impl PostgresServer {
    /// A server that does not care what a crash of the machine would leave.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&QUICK)
    }

    /// A server that still has all that it acknowledged after [`kill`](DatabaseServer::kill) and
    /// [`restart`](DatabaseServer::restart).
    #[must_use]
    pub fn durable() -> Self {
        Self::start_with(&[])
    }

    /// A server with settings of its own, each `name=value`.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(folder(), settings)
    }

    /// A server that speaks TLS with whoever asks for it, with a certificate of an [authority](Self::ca) of its own.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls() -> Self {
        let folder = folder();
        let certificates = Certificates::make_in(folder.path());
        crate::database_server::give(&certificates.server_key());
        let certificate = format!("ssl_cert_file={}", certificates.server().display());
        let key = format!("ssl_key_file={}", certificates.server_key().display());
        Self::start_in(folder, &[&QUICK[..], &["ssl=on", &certificate, &key]].concat())
    }

    fn start_in(folder: TempDir, settings: &[&str]) -> Self {
        let data = folder.path().join("data");
        let mut initdb = command(&program("initdb"), folder.path());
        initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale", "--username", USER]);
        initdb.arg("--pgdata").arg(&data);
        complete(initdb, folder.path());
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let spawn = move |port: u16, folder: &Path| {
            let mut postgres = command(&program("postgres"), folder);
            postgres.arg("-D").arg(folder.join("data"));
            let port = format!("port={port}");
            let always =
                ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", &port];
            for setting in always.into_iter().chain(settings.iter().map(String::as_str)) {
                postgres.args(["-c", setting]);
            }
            postgres
        };
        let answers =
            |port| psql(port, "postgres", "SELECT 1").output().is_ok_and(|psql| psql.status.success());
        Self { server: DatabaseServer::start(folder, Signal::INT, spawn, answers) }
    }

    /// A server that tests share as long as one of them holds it: each with a [`database`](Self::database) of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        shared(&SHARED, Self::start)
    }

    /// Creates a database with nothing in it, and returns its name.
    #[must_use]
    pub fn database(&self) -> String {
        let name = self.new_name();
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The store URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port())
    }

    /// The authority of its certificate, if it speaks TLS: PEM.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        Certificates::of(self.folder()).ca()
    }

    /// What psql prints for these statements: a row a line, `|` between the columns.
    pub fn query(&self, database: &str, sql: &str) -> String {
        let output = psql(self.port(), database, sql).output().expect("psql starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "psql failed: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Deref for PostgresServer {
    type Target = DatabaseServer;

    fn deref(&self) -> &DatabaseServer {
        &self.server
    }
}

fn psql(port: u16, database: &str, sql: &str) -> Command {
    let mut psql = Command::new(program("psql"));
    psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set", "ON_ERROR_STOP=1"])
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--username", USER, "--dbname", database])
        .args(["--command", sql])
        .stdin(Stdio::null());
    psql
}

/// Debian keeps the programs of each version in a folder of its own, outside of `PATH`.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    find(name, &folders)
}
