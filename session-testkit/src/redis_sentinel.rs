use std::fs;
use std::sync::{Arc, Mutex, PoisonError, Weak};

#[cfg(feature = "tls")]
use crate::RedisCertificates;
use crate::RedisServer;
use crate::machine::wait_until;
use crate::redis_server::CONFIG;

/// A primary, two replicas, and three Sentinels that replace it when it has been silent for a second.
///
/// All of them are real processes, as [`RedisServer`] is.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
}

/// The name that the Sentinels monitor the primary under.
const SERVICE: &str = "sessions";

/// More eager than the defaults, which make tests wait: how often they ask, and tell each other.
const EAGER: [&str; 10] = [
    "info-period",
    "200",
    "ask-period",
    "200",
    "publish-period",
    "200",
    "ping-period",
    "200",
    "min-link-reconnect-period",
    "500",
];

impl RedisSentinel {
    /// Starts all of them, and waits until they know each other.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Vec::new)
    }

    /// Some that speak TLS with their clients and with each other. (Without it they can be reached, too.)
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(certificates: &RedisCertificates) -> Self {
        Self::start_with(|| certificates.for_all())
    }

    /// Some that speak TLS with their clients, and name each other by their ports without it: a mistake.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_for_clients_alone(certificates: &RedisCertificates) -> Self {
        Self::start_with(|| certificates.for_clients())
    }

    fn start_with(options: impl Fn() -> Vec<String>) -> Self {
        let server = |more: &[&str]| {
            let own = QUICK.iter().chain(more).map(|option| (*option).to_owned());
            RedisServer::start_in(|_| own.clone().chain(options()).collect())
        };
        let primary = server(&[]);
        let port = primary.announced().to_string();
        let replica = || server(&["--replicaof", "127.0.0.1", &port]);
        let servers = vec![primary, replica(), replica()];
        wait_until("two replicas follow the primary", || replicas(&servers[0]) == 2);
        let sentinels = (0..3).map(|_| sentinel(servers[0].announced(), &options)).collect();
        let group = Self { servers, sentinels };
        group.wait_until_whole();
        group
    }

    /// Some that tests share as long as one of them holds them. Keys of each under a namespace of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisSentinel>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let group = Arc::new(Self::start());
            *shared = Arc::downgrade(&group);
            group
        })
    }

    /// The store URL.
    #[must_use]
    pub fn url(&self) -> String {
        let (scheme, _) = self.sentinels[0].client_address();
        let hosts: Vec<_> = self.sentinels.iter().map(|server| server.client_address().1).collect();
        format!("{scheme}+sentinel://{}/{SERVICE}", hosts.join(","))
    }

    /// The servers that keep data, whichever of them is the primary.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The Sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// The server that most Sentinels name as the primary.
    #[must_use]
    pub fn primary(&self) -> &RedisServer {
        let mut named: Vec<u16> = self.sentinels.iter().filter(|one| one.is_up()).map(named_by).collect();
        named.sort_unstable();
        let port = named[named.len() / 2];
        self.servers.iter().find(|server| server.announced() == port).expect("the primary is one of ours")
    }

    /// Makes the Sentinels put a replica in the primary's place, and waits until they say so.
    pub fn fail_over(&self) {
        let before = self.primary().port();
        self.sentinels[0].query::<()>(&["SENTINEL", "FAILOVER", SERVICE]);
        wait_until("another primary is named", || self.primary().port() != before);
    }

    /// Waits until the Sentinels name a primary that answers, takes writes and is not the one at this port.
    pub fn wait_for_another(&self, port: u16) {
        wait_until("another primary takes writes", || {
            let primary = self.primary();
            primary.port() != port
                && primary.is_up()
                && primary.info("replication", "role").as_deref() == Some("master")
        });
    }

    /// Waits until both replicas have what the primary has now: whichever takes its place knows it.
    pub fn replicate(&self) {
        let primary = self.primary();
        let replicas = self.servers.iter().filter(|server| server.port() != primary.port());
        wait_until_replicated(primary, replicas);
    }

    /// Starts what was killed, and waits until two replicas follow the primary again and every Sentinel knows it.
    pub fn repair(&self) {
        for server in self.servers.iter().chain(&self.sentinels).filter(|server| !server.is_up()) {
            server.restart();
        }
        self.wait_until_whole();
    }

    fn wait_until_whole(&self) {
        for sentinel in &self.sentinels {
            sentinel.query::<()>(&[&["SENTINEL", "DEBUG"][..], &EAGER].concat());
        }
        wait_until("three Sentinels and three servers know each other", || {
            let primary = self.primary();
            replicas(primary) == 2
                && self.sentinels.iter().all(|sentinel| {
                    let known: Vec<String> = sentinel.query(&["SENTINEL", "MASTER", SERVICE]);
                    let value = |name: &str| known.iter().skip_while(|text| *text != name).nth(1).cloned();
                    named_by(sentinel) == primary.announced()
                        && value("flags").as_deref() == Some("master")
                        && value("num-slaves").as_deref() == Some("2")
                        && value("num-other-sentinels").as_deref() == Some("2")
                })
        });
    }
}

/// Options of servers that replicate: without the pauses that spare a busy one.
pub(crate) const QUICK: [&str; 4] = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];

fn sentinel(primary: u16, options: impl Fn() -> Vec<String>) -> RedisServer {
    let config = format!(
        "sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {SERVICE} 1000\n\
         sentinel failover-timeout {SERVICE} 5000\n\
         sentinel parallel-syncs {SERVICE} 2\n"
    );
    RedisServer::start_in(|folder| {
        fs::write(folder.join(CONFIG), &config).expect("a Sentinel's configuration is written");
        [vec!["--sentinel".to_owned()], options()].concat()
    })
}

fn named_by(sentinel: &RedisServer) -> u16 {
    let address: Vec<String> = sentinel.query(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
    address[1].parse().expect("the port of the primary")
}

/// How many replicas follow this server, or have begun to.
pub(crate) fn replicas(server: &RedisServer) -> usize {
    let text: String = server.query(&["INFO", "replication"]);
    text.lines().filter(|line| line.starts_with("slave") && line.contains("state=online")).count()
}

/// Waits until these replicas have what their primary has now. One that loads a copy of it says nothing until it has it.
pub(crate) fn wait_until_replicated<'a>(
    primary: &RedisServer,
    replicas: impl Iterator<Item = &'a RedisServer>,
) {
    let written = offset(primary, "master_repl_offset");
    for replica in replicas {
        wait_until("a replica has what its primary has", || {
            replica.info("replication", "master_link_status").as_deref() == Some("up")
                && offset(replica, "slave_repl_offset") >= written
        });
    }
}

fn offset(server: &RedisServer, label: &str) -> u64 {
    let offset = server.info("replication", label);
    offset.and_then(|text| text.parse().ok()).expect("an offset of the replication")
}
