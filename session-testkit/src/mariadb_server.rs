use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::Signal;

use crate::database_server::{DatabaseServer, command, complete, find, folder};

const USER: &str = "session";
const PASSWORD: &str = "session";

/// A private MariaDB on a free port of 127.0.0.1, with its data in a temporary folder.
///
/// It is a real server, to be stopped, killed and restarted under the feet of whoever uses it. Dropping it ends it.
/// Its methods block, and panic when something is not as it should be.
pub struct MariaDbServer {
    server: DatabaseServer,
    databases: AtomicU32,
}

impl MariaDbServer {
    /// A server that does not care what a crash of the machine would leave.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"])
    }

    /// A server that still has all that it acknowledged after [`kill`](Self::kill) and [`restart`](Self::restart).
    #[must_use]
    pub fn durable() -> Self {
        Self::start_with(&[])
    }

    /// A server with more options on its command line.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let folder = folder();
        let mut install = command(&program("mariadb-install-db"), folder.path());
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        install.arg(format!("--datadir={}", folder.path().join("data").display()));
        complete(install, folder.path());
        let user = format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO '{USER}'@'%' \
             WITH GRANT OPTION;\n"
        );
        fs::write(folder.path().join("user.sql"), user).expect("a file in the server's folder");
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let spawn = move |port: u16, folder: &Path| {
            let mut server = command(&program("mariadbd"), folder);
            let path = |name: &str| folder.join(name).display().to_string();
            server.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
            server.args(["--max-connections=200", "--innodb-buffer-pool-size=64M"]);
            server.args(["--port", &port.to_string()]).args(["--datadir", &path("data")]);
            server
                .args(["--socket", &path("socket")])
                .args(["--init-file", &path("user.sql")])
                .args(&options);
            server
        };
        let answers = |port| client(port, "SELECT 1").output().is_ok_and(|client| client.status.success());
        Self { server: DatabaseServer::start(folder, spawn, answers), databases: AtomicU32::new(0) }
    }

    /// A server that tests share as long as one of them holds it: each with a [`database`](Self::database) of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
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
        self.query(&format!("CREATE DATABASE {name}"));
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
        format!("mariadb://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// What the client prints for these statements: a row a line, a tab between the columns.
    pub fn query(&self, sql: &str) -> String {
        let output = client(self.port(), sql).output().expect("the client starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "the client failed: {}", text(&output.stderr));
        text(&output.stdout)
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

    /// Ends it as an administrator does.
    pub fn shut_down(&self) {
        self.server.shut_down(Signal::TERM);
    }

    /// Starts it again, on the same port and over the same folder, and waits until it answers.
    pub fn restart(&self) {
        self.server.restart();
    }
}

impl fmt::Debug for MariaDbServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MariaDbServer").field("port", &self.port()).finish()
    }
}

fn client(port: u16, sql: &str) -> Command {
    let mut client = Command::new(program("mariadb"));
    client
        .args(["--no-defaults", "--batch", "--skip-column-names", "--protocol=tcp", "--host=127.0.0.1"])
        .args(["--port", &port.to_string(), "--user", USER, &format!("--password={PASSWORD}")])
        .args(["--execute", sql])
        .stdin(Stdio::null());
    client
}

/// Servers lie in `sbin`, which an ordinary user's `PATH` often leaves out.
fn program(name: &str) -> PathBuf {
    find(name, &["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
}
