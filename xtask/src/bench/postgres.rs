//! A PostgreSQL server of our own: on a free port of the loopback interface, over a temporary folder.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::{Folder, Process, free_ports};
use crate::{Result, needs};

const USER: &str = "session";
const DATABASE: &str = "bench";

pub(crate) struct Postgres {
    process: Process,
    folder: Folder,
    port: u16,
}

impl Postgres {
    /// What is measured is work, not the machine's disk: nothing waits for it. All else is PostgreSQL's default, but for
    /// what `settings` say, each `name=value`.
    ///
    /// `synchronous_commit` stays on: without it each commit wakes the process that writes the log.
    pub(crate) fn start(purpose: &str, settings: &[&str]) -> Result<Self> {
        let folder = Folder::new(&format!("postgres-{purpose}"))?;
        if let Some((user, group)) = needs::unprivileged()? {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let mut initdb = command("initdb", folder.path())?;
        initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale", "--username", USER]);
        if !initdb.arg("--pgdata").arg(data(folder.path())).status()?.success() {
            return Err(format!("initdb failed: {}", log(folder.path())).into());
        }
        let [port] = free_ports()?;
        let mut postgres = command("postgres", folder.path())?;
        postgres.arg("-D").arg(data(folder.path()));
        let port_setting = format!("port={port}");
        let always = ["listen_addresses=127.0.0.1", "unix_socket_directories=", &port_setting];
        for setting in always.iter().chain(&["fsync=off"]).chain(settings) {
            postgres.args(["-c", setting]);
        }
        let process = Process::start("postgres", &mut postgres)?;
        let postgres = Self { process, folder, port };
        postgres.wait()?;
        postgres.empty()?;
        Ok(postgres)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The process that has forked all others.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it writes what it logs.
    pub(crate) fn log(&self) -> PathBuf {
        log_file(self.folder.path())
    }

    /// Begins with a new database. The old one's connections must be closed.
    pub(crate) fn empty(&self) -> Result {
        self.ask(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))?;
        self.ask(&format!("CREATE DATABASE {DATABASE}"))?;
        // What this leaves to be written is not to be written while something is measured.
        self.ask("CHECKPOINT").map(drop)
    }

    fn wait(&self) -> Result {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(error) = self.ask("SELECT 1") {
            if Instant::now() > deadline {
                return Err(format!("postgres does not answer: {error}: {}", log(self.folder.path())).into());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// What psql prints for a statement.
    fn ask(&self, sql: &str) -> Result<String> {
        let output = needs::PSQL
            .command()?
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--username", USER])
            .args(["--dbname", "postgres", "--command", sql])
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?.trim_end().to_owned());
        }
        Err(format!("{sql}: {}", String::from_utf8_lossy(&output.stderr).trim_end()).into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The processes that it has forked end with it. When this fails, dropping the process kills it.
        if let Ok(mut stop) = command("pg_ctl", self.folder.path()) {
            let _ =
                stop.args(["stop", "--mode=immediate", "--pgdata"]).arg(data(self.folder.path())).status();
        }
    }
}

/// One of PostgreSQL's programs, run by somebody whom PostgreSQL accepts, its output in a file of the folder.
fn command(program: &str, folder: &Path) -> Result<Command> {
    let postgres = needs::POSTGRES.path().ok_or("postgres is not installed")?;
    let output = fs::File::options().create(true).append(true).open(log_file(folder))?;
    let mut command = Command::new(postgres.with_file_name(program));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).current_dir(folder);
    if let Some((user, group)) = needs::unprivileged()? {
        command.uid(user).gid(group);
    }
    Ok(command)
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn log(folder: &Path) -> String {
    fs::read_to_string(log_file(folder)).unwrap_or_default()
}
