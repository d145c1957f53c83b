use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::{
    Client, Connection, ConnectionAddr, ConnectionLike as _, FromRedisValue, IntoConnectionInfo as _,
    RedisConnectionInfo,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::machine::free_port;

/// A private `redis-server` on a free port of 127.0.0.1, with its data in a temporary folder.
///
/// The environment's `SESSION_REDIS_SERVER` names another program, `valkey-server` for instance.
///
/// It is a real process, to be stopped, killed and restarted under the feet of whoever uses it. Dropping it ends
/// it. Its methods block, and panic when something is not as it should be.
pub struct RedisServer {
    port: u16,
    options: Vec<String>,
    pub(crate) folder: TempDir,
    process: Mutex<Child>,
    /// For [`query`](Self::query): always the same one, whose coming and going would be counted.
    connection: Mutex<Option<Connection>>,
}

impl RedisServer {
    /// A server that keeps nothing on disk.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server that still has all that it acknowledged after [`kill`](Self::kill) and
    /// [`restart`](Self::restart).
    #[must_use]
    pub fn durable() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// A server with more options on its command line.
    #[must_use]
    pub fn start_with(options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        Self::start_in(|_| options.clone())
    }

    /// A server whose options depend on its folder, or on other free ports.
    pub(crate) fn start_in(options: impl Fn(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder for redis-server");
        // Another process may take the free port first: then redis-server ends at once.
        for _ in 0..5 {
            let (port, options) = (free_port(), options(folder.path()));
            let mut process = spawn(port, &options, &folder);
            if answers(&mut process, port, &options) {
                return Self {
                    port,
                    options,
                    folder,
                    process: Mutex::new(process),
                    connection: Mutex::new(None),
                };
            }
        }
        panic!("redis-server ended at once, on five free ports");
    }

    /// A server that tests share as long as one of them holds it. Keys of each under a namespace of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        let mut shared = lock(&SHARED);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it speaks TLS, if it does.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        let at = self.options.iter().position(|option| option == TLS_PORT)?;
        self.options[at + 1].parse().ok()
    }

    /// The port under which other servers know it.
    pub(crate) fn announced(&self) -> u16 {
        let is_throughout = self.options.iter().any(|option| option == TLS_TO_SERVERS);
        self.tls_port().filter(|_| is_throughout).unwrap_or(self.port)
    }

    /// The scheme of a store URL, and where clients of it connect to.
    pub(crate) fn client_address(&self) -> (&'static str, String) {
        match self.tls_port() {
            Some(port) => ("rediss", format!("127.0.0.1:{port}")),
            None => ("redis", format!("127.0.0.1:{}", self.port)),
        }
    }

    /// The store URL, without a password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The unix socket that it listens at, too.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Halts it with SIGSTOP: its port is open, its connections stand, and nothing is answered.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`stop`](Self::stop).
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it with SIGKILL, as a crash does.
    pub fn kill(&self) {
        let mut process = self.process();
        process.kill().expect("redis-server is killed");
        process.wait().expect("redis-server has ended");
        *lock(&self.connection) = None;
    }

    /// Starts it again, on the same port and over the same folder, and waits until it answers.
    pub fn restart(&self) {
        self.kill();
        let mut process = self.process();
        *process = spawn(self.port, &self.options, &self.folder);
        assert!(answers(&mut process, self.port, &self.options), "redis-server does not start again");
    }

    /// The answer to one command, sent on a connection of the server's own.
    pub fn query<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, args) = command.split_first().expect("a command has a name");
        let mut cmd = redis::cmd(name);
        cmd.arg(args);
        let mut kept = lock(&self.connection);
        // The server may have closed it: a failover ends all connections.
        if let Some(connection) = kept.as_mut().filter(|connection| connection.is_open()) {
            match cmd.query(connection) {
                Err(error) if error.is_connection_dropped() => {}
                answer => return answer.expect("redis-server answers"),
            }
        }
        let connection = kept.insert(connect(self.port, &self.options).expect("redis-server answers"));
        cmd.query(connection).expect("redis-server answers")
    }

    /// One line of what it says about itself, without the label.
    #[must_use]
    pub fn info(&self, section: &str, label: &str) -> Option<String> {
        let text: String = self.query(&["INFO", section]);
        text.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(':')).map(str::to_owned)
    }

    /// Whether its process is there and answers.
    #[must_use]
    pub fn is_up(&self) -> bool {
        connect(self.port, &self.options).is_ok()
    }

    /// What it has done so far. The round trips of an operation are those between two of these.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let text: String = self.query(&["INFO", "everything"]);
        let mut counters = Counters {
            reads: number(&text, "total_reads_processed:"),
            received: number(&text, "total_net_input_bytes:"),
            calls: BTreeMap::new(),
        };
        for line in text.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
            let (command, figures) = line.split_once(':').expect("a line of INFO commandstats");
            counters.calls.insert(command.to_owned(), number(figures, "calls="));
        }
        counters
    }

    fn signal(&self, signal: Signal) {
        let process = self.process();
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("the pid of redis-server");
        kill_process(pid, signal).expect("redis-server takes a signal");
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        lock(&self.process)
    }
}

impl fmt::Debug for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisServer").field("port", &self.port).finish()
    }
}

/// A test that failed while it held the lock has changed nothing that others rely on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let mut process = self.process();
        let _ = process.kill();
        let _ = process.wait();
    }
}

const PROGRAM: &str = "SESSION_REDIS_SERVER";
pub(crate) const TLS_PORT: &str = "--tls-port";
pub(crate) const TLS_TO_SERVERS: &str = "--tls-replication";
const SOCKET: &str = "redis.sock";
pub(crate) const CONFIG: &str = "sentinel.conf";

/// What a [`RedisServer`] has done: since its start, or between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// How often it has read from a connection: the round trips, as long as nothing is pipelined.
    pub reads: u64,
    /// How many bytes it has been sent.
    pub received: u64,
    /// How often each command was executed, in lower case; those that a script calls are among them.
    pub calls: BTreeMap<String, u64>,
}

impl Counters {
    /// What was done after `earlier` was taken, without what taking them cost.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let calls = self.calls.iter().map(|(command, count)| (command, count - earlier.calls(command)));
        let calls = calls.filter(|(command, count)| *count > 0 && *command != "info");
        let asking = redis::cmd("INFO").arg("everything").get_packed_command().len() as u64;
        Self {
            reads: self.reads - earlier.reads - 1,
            received: self.received - earlier.received - asking,
            calls: calls.map(|(command, count)| (command.clone(), count)).collect(),
        }
    }

    /// How often this command was executed.
    #[must_use]
    pub fn calls(&self, command: &str) -> u64 {
        self.calls.get(command).copied().unwrap_or(0)
    }
}

fn connect(port: u16, options: &[String]) -> redis::RedisResult<Connection> {
    let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(at) = options.iter().position(|option| option == "--requirepass") {
        settings = settings.set_password(&options[at + 1]);
    }
    let address = ConnectionAddr::Tcp(Ipv4Addr::LOCALHOST.to_string(), port);
    let client = Client::open(address.into_connection_info()?.set_redis_settings(settings))?;
    let patience = Duration::from_secs(5);
    let mut connection = client.get_connection_with_timeout(patience)?;
    connection.set_read_timeout(Some(patience))?;
    redis::cmd("PING").exec(&mut connection)?;
    Ok(connection)
}

fn spawn(port: u16, options: &[String], folder: &TempDir) -> Child {
    let port = port.to_string();
    let program = std::env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(program);
    // Sentinels have their state in a file, which comes first.
    let config = folder.path().join(CONFIG);
    if config.exists() {
        command.arg(config);
    } else {
        command.args(["--save", "", "--appendonly", "no", "--unixsocket"]).arg(folder.path().join(SOCKET));
    }
    let spawned = command
        .args(["--bind", "127.0.0.1", "--port", &port])
        .arg("--dir")
        .arg(folder.path())
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        Ok(process) => process,
        Err(error) => {
            panic!("cannot start redis-server ({error}): `cargo xtask test` installs it and runs the tests")
        }
    }
}

/// Waits for the first answer. `false`: the process has ended instead.
fn answers(process: &mut Child, port: u16, options: &[String]) -> bool {
    let patience = Instant::now() + Duration::from_secs(30);
    while connect(port, options).is_err() {
        if process.try_wait().expect("redis-server can be waited for").is_some() {
            return false;
        }
        assert!(Instant::now() < patience, "redis-server does not answer within 30 s");
        sleep(Duration::from_millis(5));
    }
    process.try_wait().expect("redis-server can be waited for").is_none()
}

fn number(text: &str, label: &str) -> u64 {
    let (_, rest) = text.split_once(label).unwrap_or_else(|| panic!("INFO has no {label}"));
    let digits = rest.split(|character: char| !character.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{label} of INFO is no number"))
}
