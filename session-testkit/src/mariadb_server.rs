use std::fs;
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
const PASSWORD: &str = "session";

/// A private MariaDB, and what can be done to it as to any [`DatabaseServer`].
#[derive(Debug)]
pub struct MariaDbServer {
    server: DatabaseServer,
}

/// Quick, whatever a crash of the machine would leave.
const QUICK: [&str; 2] = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"];

impl MariaDbServer {
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

    /// A server with more options on its command line.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        Self::start_in(folder(), options)
    }

    /// A server that speaks TLS with whoever asks for it, with a certificate of an [authority](Self::ca) of its own.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls() -> Self {
        let folder = folder();
        let certificates = Certificates::make_in(folder.path());
        crate::database_server::give(&certificates.server_key());
        let certificate = format!("--ssl-cert={}", certificates.server().display());
        let key = format!("--ssl-key={}", certificates.server_key().display());
        Self::start_in(folder, &[&QUICK[..], &[&certificate, &key]].concat())
    }

    fn start_in(folder: TempDir, options: &[&str]) -> Self {
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
        Self { server: DatabaseServer::start(folder, Signal::TERM, spawn, answers) }
    }

    /// A server that tests share as long as one of them holds it: each with a [`database`](Self::database) of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<MariaDbServer>> = Mutex::new(Weak::new());
        shared(&SHARED, Self::start)
    }

    /// Creates a database with nothing in it, and returns its name.
    #[must_use]
    pub fn database(&self) -> String {
        let name = self.new_name();
        self.query(&format!("CREATE DATABASE {name}"));
        name
    }

    /// The store URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mariadb://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port())
    }

    /// The authority of its certificate, if it speaks TLS: PEM.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        Certificates::of(self.folder()).ca()
    }

    /// What the client prints for these statements: a row a line, a tab between the columns.
    pub fn query(&self, sql: &str) -> String {
        let output = client(self.port(), sql).output().expect("the client starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(output.status.success(), "the client failed: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Deref for MariaDbServer {
    type Target = DatabaseServer;

    fn deref(&self) -> &DatabaseServer {
        &self.server
    }
}

fn client(port: u16, sql: &str) -> Command {
    let mut client = Command::new(program("mariadb"));
    client
        .args([
            "--no-defaults",
            "--batch",
            "--skip-column-names",
            "--protocol=tcp",
            "--host=127.0.0.1",
            "--skip-ssl",
        ])
        .args(["--port", &port.to_string(), "--user", USER, &format!("--password={PASSWORD}")])
        .args(["--execute", sql])
        .stdin(Stdio::null());
    client
}

/// Servers lie in `sbin`, which an ordinary user's `PATH` often leaves out.
fn program(name: &str) -> PathBuf {
    find(name, &["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
}
