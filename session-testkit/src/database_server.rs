use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::machine::{free_port, wait_until};

/// What starts a server on a port, over a folder.
type Spawn = Box<dyn Fn(u16, &Path) -> Command + Send + Sync>;

/// What all database servers of the kit can: a process of an unprivileged user on a free port of 127.0.0.1, with its
/// data in a temporary folder.
///
/// It is a real server, to be stopped, killed and restarted under the feet of whoever uses it. Dropping it ends it.
/// Its methods block, and panic when something is not as it should be.
pub struct DatabaseServer {
    port: u16,
    folder: TempDir,
    spawn: Spawn,
    answers: Box<dyn Fn(u16) -> bool + Send + Sync>,
    /// What an administrator ends it with.
    ends_by: Signal,
    databases: AtomicU32,
    process: Mutex<Child>,
}

impl DatabaseServer {
    pub(crate) fn start(
        folder: TempDir,
        ends_by: Signal,
        spawn: impl Fn(u16, &Path) -> Command + Send + Sync + 'static,
        answers: impl Fn(u16) -> bool + Send + Sync + 'static,
    ) -> Self {
        // Another process may take the free port first: then the server ends at once.
        for _ in 0..5 {
            let port = free_port();
            let mut process = started(spawn(port, folder.path()));
            if wait_for(&mut process, || answers(port)) {
                let (spawn, answers) = (Box::new(spawn), Box::new(answers));
                let (databases, process) = (AtomicU32::new(0), Mutex::new(process));
                return Self { port, folder, spawn, answers, ends_by, databases, process };
            }
        }
        panic!("the server ended at once, on five free ports: {}", log_of(folder.path()));
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// All that it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        log_of(self.folder.path())
    }

    #[cfg(feature = "tls")]
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A name that no database of it has yet.
    pub(crate) fn new_name(&self) -> String {
        format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends it with SIGKILL, as a crash does, and what it has forked with it.
    pub fn kill(&self) {
        let mut process = self.process();
        let forked = children(process.id());
        process.kill().expect("the server is killed");
        process.wait().expect("the server has ended");
        for child in forked {
            signal(child, Signal::KILL);
        }
    }

    /// Ends it as an administrator does who does not wait for those who are connected.
    pub fn shut_down(&self) {
        let mut process = self.process();
        signal(process.id(), self.ends_by);
        process.wait().expect("the server has ended");
    }

    /// Starts it again, on the same port and over the same folder, and waits until it answers.
    pub fn restart(&self) {
        self.start_again();
        let patience = Instant::now() + Duration::from_secs(30);
        while !(self.answers)(self.port) {
            assert!(
                Instant::now() < patience,
                "the server does not start again: {}",
                log_of(self.folder.path())
            );
            sleep(Duration::from_millis(5));
        }
    }

    fn start_again(&self) {
        self.kill();
        // Until the kernel has taken back what the killed ones held, a new one may end at once.
        for _ in 0..100 {
            let mut process = started((self.spawn)(self.port, self.folder.path()));
            if wait_for(&mut process, || (self.answers)(self.port)) {
                *self.process() = process;
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("the server does not start again: {}", log_of(self.folder.path()));
    }

    /// Halts it, and what it has forked: its port is open, its connections stand, and nothing is answered. Returns when
    /// all of its threads have halted: on a busy machine some answer for a while yet.
    pub fn stop(&self) {
        self.signal_all(Signal::STOP);
        let main = self.process().id();
        wait_until("all threads of the server have halted", || {
            children(main).into_iter().chain([main]).all(is_halted)
        });
    }

    /// Lets it go on after [`stop`](Self::stop).
    pub fn cont(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, by: Signal) {
        let main = self.process().id();
        signal(main, by);
        for child in children(main) {
            signal(child, by);
        }
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.signal_all(Signal::KILL);
        let _ = self.process().wait();
    }
}

impl fmt::Debug for DatabaseServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseServer").field("port", &self.port).finish_non_exhaustive()
    }
}

/// The one that tests share as long as one of them holds it.
pub(crate) fn shared<S>(kept: &Mutex<Weak<S>>, start: impl FnOnce() -> S) -> Arc<S> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.upgrade().unwrap_or_else(|| {
        let server = Arc::new(start());
        *kept = Arc::downgrade(&server);
        server
    })
}

/// A folder that the server's user may use.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder for a database server");
    give(folder.path());
    folder
}

/// Gives a file or folder to the server's user.
pub(crate) fn give(path: &Path) {
    if let Some((user, group)) = unprivileged() {
        chown(path, Some(user), Some(group)).expect("it is given to the server's user");
    }
}

/// A command of the server's user, with its output in a file of the folder.
pub(crate) fn command(program: &Path, folder: &Path) -> Command {
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log file");
    let errors = log.try_clone().expect("a log file");
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(log).stderr(errors).current_dir(folder);
    // One that starts removes what looks like a leftover of its own, and is another's that is at work.
    command.env("TMPDIR", folder);
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    command
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn complete(mut command: Command, folder: &Path) {
    let status = command.status();
    let program = command.get_program().to_string_lossy().into_owned();
    match status {
        Ok(status) => assert!(status.success(), "{program} failed: {}", log_of(folder)),
        Err(error) => {
            panic!("cannot start {program} ({error}): `cargo xtask test` installs it and runs the tests")
        }
    }
}

/// Where a program is, in `PATH` or one of these folders.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = folders.iter().cloned().chain(std::env::split_paths(&path));
    candidates.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file())).unwrap_or_else(
        || panic!("{program} is not installed: `cargo xtask test` installs it and runs the tests"),
    )
}

fn started(mut command: Command) -> Child {
    command.spawn().expect("the server's process starts")
}

/// Waits for the first answer. `false`: the process has ended instead.
fn wait_for(process: &mut Child, answers: impl Fn() -> bool) -> bool {
    let patience = Instant::now() + Duration::from_secs(60);
    while !answers() {
        if process.try_wait().expect("the server can be waited for").is_some() {
            return false;
        }
        assert!(Instant::now() < patience, "the server does not answer within a minute");
        sleep(Duration::from_millis(10));
    }
    process.try_wait().expect("the server can be waited for").is_none()
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Database servers refuse to run as root: then it is somebody who may do nothing else.
fn unprivileged() -> Option<(u32, u32)> {
    let own = fs::metadata("/proc/self").expect("the own process").uid();
    if own != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the list of users");
    let nobody = users.lines().find(|line| line.starts_with("nobody:")).expect("a user nobody");
    let mut numbers = nobody.split(':').skip(2).map(|number| number.parse().expect("a user's number"));
    Some((numbers.next().expect("a user's number"), numbers.next().expect("a group's number")))
}

fn signal(process: u32, by: Signal) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a pid");
    // One that has ended needs no signal.
    let _ = kill_process(pid, by);
}

/// The processes that this one has forked.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("the list of processes");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    behind_the_name(Path::new(&format!("/proc/{pid}/stat")), 1)?.parse().ok()
}

/// Whether all of its threads stand still. One that has ended does.
fn is_halted(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut states = threads.filter_map(|thread| behind_the_name(&thread.path().join("stat"), 0));
    states.all(|state| ["T", "Z", "X"].contains(&state.as_str()))
}

/// What Linux tells of a process or thread: a word behind its name.
fn behind_the_name(stat: &Path, at: usize) -> Option<String> {
    let stat = fs::read_to_string(stat).ok()?;
    // The name is in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(at).map(str::to_owned)
}
