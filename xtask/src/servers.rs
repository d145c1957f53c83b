//! `cargo xtask servers`: private servers to try things against, without touching one that is installed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::needs::Need;
use crate::process::{Folder, Interrupt, Process, free_ports, local};
use crate::{Result, needs, step};

/// What can be asked for, and what it needs.
const KINDS: [(&str, Need); 5] = [
    ("redis", needs::REDIS),
    ("sentinel", needs::REDIS),
    ("cluster", needs::REDIS),
    ("postgres", needs::POSTGRES),
    ("mariadb", needs::MARIADB),
];

/// The servers are those of the test kit, in a program of its own: nothing here depends on the workspace's crates.
pub(crate) fn run(args: &[String]) -> Result {
    let kinds = chosen(args)?;
    let needed: Vec<Need> = kinds.iter().map(|(_, need)| *need).collect();
    needs::provide(&needed)?;
    step::run(step::cargo().args(["build", "--quiet", "-p", "session-testkit", "--example", "servers"]))?;
    let interrupt = Interrupt::listen()?;
    let mut command = Command::new(step::target()?.join("debug/examples/servers"));
    command.args(kinds.iter().map(|(name, _)| name)).stdin(Stdio::piped());
    // Ctrl-C reaches all processes of a group: here it is for this one, which lets the servers end in their order.
    let mut servers = command.process_group(0).spawn()?;
    println!("Ctrl-C ends them");
    while interrupt.check().is_ok() {
        if let Some(status) = servers.try_wait()? {
            return Err(format!("the servers have ended ({status})").into());
        }
        sleep(Duration::from_millis(100));
    }
    // The end of its input tells it to end. It also comes when this program is killed.
    drop(servers.stdin.take());
    servers.wait()?;
    Ok(())
}

/// Redis, if nothing is said.
fn chosen(args: &[String]) -> Result<Vec<(&'static str, Need)>> {
    match args {
        [] => return Ok(KINDS[..1].to_vec()),
        [all] if all == "all" => return Ok(KINDS.to_vec()),
        _ => {}
    }
    let kind = |arg: &String| {
        let known = KINDS.iter().find(|(name, _)| name == arg).copied();
        known.ok_or_else(|| {
            let names = KINDS.map(|(name, _)| name).join(", ");
            format!("there is no server {arg:?}, only {names}, or all of them by \"all\"").into()
        })
    };
    args.iter().map(kind).collect()
}

/// A Redis server of our own: on a free port of the loopback interface, without persistence.
pub(crate) struct Redis {
    // The process goes before its folder.
    process: Process,
    _folder: Folder,
    port: u16,
}

impl Redis {
    pub(crate) fn start(purpose: &str) -> Result<Self> {
        let folder = Folder::new(&format!("redis-{purpose}"))?;
        let [port] = free_ports()?;
        let mut command = needs::REDIS.command()?;
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"])
            .args(["--port", &port.to_string()])
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null());
        let mut process = Process::start("redis-server", &mut command)?;
        process.wait_for(port)?;
        Ok(Self { process, _folder: folder, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Removes everything that is in it.
    pub(crate) fn flush(&self) -> Result {
        match self.ask("FLUSHALL SYNC")?.as_str() {
            "OK" => Ok(()),
            answer => Err(format!("Redis refused to be emptied: {answer}").into()),
        }
    }

    /// Its answer to a command, which must be a text or a number.
    pub(crate) fn ask(&self, command: &str) -> Result<String> {
        let mut stream = BufReader::new(TcpStream::connect(local(self.port))?);
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes())?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end();
        match line.split_at_checked(1) {
            Some(("+" | ":", answer)) => Ok(answer.to_owned()),
            Some(("$", length)) => {
                let mut text = vec![0; length.parse()?];
                stream.read_exact(&mut text)?;
                Ok(String::from_utf8(text)?)
            }
            _ => Err(format!("Redis answered {command}: {line:?}").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn names(args: &[&str]) -> Result<Vec<&'static str>> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Ok(chosen(&args)?.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn redis_is_started_if_nothing_is_said_and_else_what_was_asked_for() {
        assert_eq!(names(&[]).unwrap(), ["redis"]);
        assert_eq!(names(&["postgres", "cluster"]).unwrap(), ["postgres", "cluster"]);
        assert_eq!(names(&["all"]).unwrap(), ["redis", "sentinel", "cluster", "postgres", "mariadb"]);
        assert!(names(&["postgres", "oracle"]).unwrap_err().to_string().contains("no server \"oracle\""));
    }
}
