use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::Signal;

use crate::database_server::{DatabaseServer, command, complete, find, folder, log_of};

const USER: &str = "session";

/// A private PostgreSQL on a free port of 127.0.0.1, with its data in a temporary folder.
///
/// It is a real server, to be stopped, killed and restarted under the feet of whoever uses it. Dropping it ends it.
/// Its methods block, and panic when something is not as it should be.
pub struct PostgresServer {
    server: DatabaseServer,
    databases: AtomicU32,
}

impl PostgresServer {
    /// A server that does not care what a crash of the machine would leave.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["fsync=off", "synchronous_commit=off", "full_page_writes=off"])
    }

    /// A server that still has all that it acknowledged after [`kill`](Self::kill) and [`restart`](Self::restart).
    #[must_use]
    pub fn durable() -> Self {
        Self::start_with(&[])
    }

    /// A server with settings of its own, each `name=value`.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let folder = folder();
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
        Self { server: DatabaseServer::start(folder, spawn, answers), databases: AtomicU32::new(0) }
    }

    /// A server that tests share as long as one of them holds it: each with a [`database`](Self::database) of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Creates a database with nothing in it, and returns its name.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The store URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port())
    }

    /// What psql prints for these statements: a row a line, `|` between the columns.
    pub fn query(&self, database: &str, sql: &str) -> String {
        let output = psql(self.port(), database, sql).output().expect("psql starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "psql failed: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// All that it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        log_of(self.server.folder.path())
    }

    /// Halts it: its port is open, its connections stand, and nothing is answered.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Lets it go on after [`stop`](Self::stop).
    pub fn cont(&self) {
        self.server.cont();
    }

    /// Ends it with SIGKILL, as a crash does.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Ends it as an administrator does who does not wait for those who are connected.
    pub fn shut_down(&self) {
        self.server.shut_down(Signal::INT);
    }

    /// Starts it again, on the same port and over the same folder, and waits until it answers.
    pub fn restart(&self) {
        self.server.restart();
    }
}

impl fmt::Debug for PostgresServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer").field("port", &self.port()).finish()
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
