//! Processes that end with the test that started them.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use session_testkit::free_port;
use tempfile::TempDir;

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    _folder: Option<TempDir>,
}

impl Process {
    /// Starts it, and waits until it listens on `port`.
    fn start(command: &mut Command, port: u16, folder: Option<TempDir>) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        let mut process = Self { child, _folder: folder };
        let deadline = Instant::now() + PATIENCE;
        while !listens(port) {
            assert!(process.child.try_wait().unwrap().is_none(), "{command:?} ended at its start");
            assert!(Instant::now() < deadline, "{command:?} does not listen on {port}");
            sleep(Duration::from_millis(10));
        }
        process
    }

    pub(crate) fn cluster(args: &[&str], port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
        Self::start(command.args(args).env_remove("SESSION_STORE"), port, None)
    }

    /// With this folder for its temporary files.
    pub(crate) fn cluster_in(folder: &Path, args: &[&str], port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cluster"));
        Self::start(command.args(args).env_remove("SESSION_STORE").env("TMPDIR", folder), port, None)
    }

    pub(crate) fn node(port: u16, store: &str) -> Self {
        Self::cluster(&["--node", &port.to_string(), "--store", store], port)
    }

    /// nginx with the example's configuration, on these ports.
    pub(crate) fn nginx(front: u16, nodes: [u16; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = include_str!("../../nginx.conf")
            .replace("127.0.0.1:9000", &format!("127.0.0.1:{front}"))
            .replace("127.0.0.1:9001", &format!("127.0.0.1:{}", nodes[0]))
            .replace("127.0.0.1:9002", &format!("127.0.0.1:{}", nodes[1]));
        let path = folder.path().join("nginx.conf");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(installed("nginx"));
        command.arg("-p").arg(folder.path()).arg("-c").arg(&path).args(["-e", "stderr"]);
        // One process, so that ending it leaves no worker behind.
        command.args(["-g", "daemon off; master_process off;"]);
        command.stderr(Stdio::null());
        Self::start(&mut command, front, Some(folder))
    }

    /// SIGKILL: it has no chance to say goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as an administrator (SIGTERM) or a terminal (SIGINT) would, and waits until it has.
    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Waits until nobody listens on any of the ports.
pub(crate) fn wait_until_free(ports: &[u16]) {
    let deadline = Instant::now() + PATIENCE;
    while ports.iter().any(|port| listens(*port)) {
        assert!(Instant::now() < deadline, "somebody still listens");
        sleep(Duration::from_millis(10));
    }
}

pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    [(); N].map(|()| free_port())
}

/// Servers lie in `sbin`, which an ordinary user's `PATH` often leaves out.
fn installed(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{program} is not installed; `cargo xtask test` says how to get it"))
}
