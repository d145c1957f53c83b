//! `cargo xtask servers`: private servers to try things against, without touching one that is installed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use crate::process::{Folder, Interrupt, Process, free_ports, local};
use crate::{Result, needs, no_arguments};

pub(crate) fn run(args: &[String]) -> Result {
    no_arguments(args)?;
    needs::provide(&[needs::REDIS])?;
    let interrupt = Interrupt::listen()?;
    let redis = Redis::start("servers")?;
    println!("SESSION_STORE={}", redis.url());
    println!("Ctrl-C ends it");
    interrupt.wait();
    Ok(())
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
