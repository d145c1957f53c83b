use std::iter;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use redis::Value;

#[cfg(feature = "tls")]
use crate::RedisCertificates;
use crate::RedisServer;
use crate::machine::{free_port, wait_until};
use crate::redis_sentinel::{QUICK, replicas, wait_until_replicated};

/// A Redis Cluster of three primaries and three replicas, which take the place of a primary that has been silent for a
/// second.
///
/// All of them are real processes, as [`RedisServer`] is.
#[derive(Debug)]
pub struct RedisCluster {
    servers: Vec<RedisServer>,
}

const PRIMARIES: usize = 3;
const SLOTS: usize = 16384;

impl RedisCluster {
    /// Starts all of them, and waits until they know each other.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Vec::new)
    }

    /// One that speaks TLS with its clients and among its servers. (Without it they can be reached, too.)
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(certificates: &RedisCertificates) -> Self {
        let among_themselves = ["--tls-cluster", "yes"].map(str::to_owned);
        Self::start_with(|| [&certificates.for_all()[..], &among_themselves].concat())
    }

    /// One that speaks TLS with its clients, and tells them its servers' ports without it: a mistake.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls_for_clients_alone(certificates: &RedisCertificates) -> Self {
        Self::start_with(|| certificates.for_clients())
    }

    fn start_with(options: impl Fn() -> Vec<String>) -> Self {
        let servers: Vec<_> = (0..2 * PRIMARIES).map(|_| member(&options)).collect();
        for (number, server) in servers.iter().enumerate().take(PRIMARIES) {
            let (first, last) = (number * SLOTS / PRIMARIES, (number + 1) * SLOTS / PRIMARIES - 1);
            server.query::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            server.query::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        let first = &servers[0];
        for server in &servers[1..] {
            first.query::<()>(&[
                "CLUSTER",
                "MEET",
                "127.0.0.1",
                &server.announced().to_string(),
                &bus_port(server),
            ]);
        }
        let cluster = Self { servers };
        cluster.wait_until_all("everybody knows everybody", |server| {
            server
                .query::<String>(&["CLUSTER", "NODES"])
                .lines()
                .filter(|line| !line.contains("handshake"))
                .count()
                == 2 * PRIMARIES
        });
        for (primary, replica) in cluster.servers.iter().zip(&cluster.servers[PRIMARIES..]) {
            replica.query::<()>(&["CLUSTER", "REPLICATE", &id(primary)]);
        }
        cluster.wait_until_whole();
        cluster
    }

    /// One that tests share as long as one of them holds it. Keys of each under a namespace of its own.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisCluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    /// The store URL, which names two of the servers.
    #[must_use]
    pub fn url(&self) -> String {
        let [(scheme, one), (_, another)] = [0, 4].map(|number| self.servers[number].client_address());
        format!("{scheme}+cluster://{one},{another}")
    }

    /// All servers, whichever of them are primaries.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// The servers that take writes, as they say themselves.
    #[must_use]
    pub fn primaries(&self) -> Vec<&RedisServer> {
        let is_primary = |server: &&RedisServer| {
            server.is_up() && server.info("replication", "role").as_deref() == Some("master")
        };
        self.servers.iter().filter(is_primary).collect()
    }

    /// The primary that this key lies in.
    #[must_use]
    pub fn owner(&self, key: &str) -> &RedisServer {
        let up = self.servers.iter().find(|server| server.is_up()).expect("one server is up");
        let slot: i64 = up.query(&["CLUSTER", "KEYSLOT", key]);
        let ranges: Vec<(i64, i64, Vec<Value>)> = up
            .query::<Vec<Vec<Value>>>(&["CLUSTER", "SLOTS"])
            .into_iter()
            .map(|range| match &range[..] {
                [Value::Int(first), Value::Int(last), Value::Array(primary), ..] => {
                    (*first, *last, primary.clone())
                }
                _ => panic!("a range of CLUSTER SLOTS"),
            })
            .collect();
        let (_, _, primary) = ranges
            .into_iter()
            .find(|(first, last, _)| (*first..=*last).contains(&slot))
            .expect("every slot has an owner");
        let Value::Int(port) = primary[1] else { panic!("a port in CLUSTER SLOTS") };
        self.servers.iter().find(|server| i64::from(server.port()) == port).expect("the owner is one of ours")
    }

    /// A replica of this primary.
    #[must_use]
    pub fn replica_of(&self, primary: &RedisServer) -> &RedisServer {
        let port = primary.announced().to_string();
        let follows = |server: &&RedisServer| {
            server.is_up()
                && server.info("replication", "role").as_deref() == Some("slave")
                && server.info("replication", "master_port").as_deref() == Some(&port)
        };
        self.servers.iter().find(follows).expect("the primary has a replica")
    }

    /// Puts a replica in this primary's place by agreement, which loses nothing, and waits until it has it.
    pub fn fail_over(&self, primary: &RedisServer) {
        let replica = self.replica_of(primary);
        replica.query::<()>(&["CLUSTER", "FAILOVER"]);
        self.wait_until_primary(replica);
    }

    /// Waits until this replica has taken its primary's place.
    pub fn wait_until_primary(&self, replica: &RedisServer) {
        wait_until("the replica is a primary", || {
            replica.info("replication", "role").as_deref() == Some("master")
        });
    }

    /// Waits until each replica has what its primary has now: nothing is lost if it takes its place.
    pub fn replicate(&self) {
        for primary in self.primaries() {
            wait_until_replicated(primary, iter::once(self.replica_of(primary)));
        }
    }

    /// Starts what was killed, and waits until each primary has its replica and everybody agrees.
    pub fn repair(&self) {
        for server in self.servers.iter().filter(|server| !server.is_up()) {
            server.restart();
        }
        self.wait_until_whole();
    }

    fn wait_until_whole(&self) {
        self.wait_until_all("the cluster works", |server| {
            server.query::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                && !server.query::<String>(&["CLUSTER", "NODES"]).contains("fail")
        });
        wait_until("every primary has a replica", || {
            let primaries = self.primaries();
            primaries.len() == PRIMARIES && primaries.iter().all(|primary| replicas(primary) == 1)
        });
    }

    fn wait_until_all(&self, what: &str, holds: impl Fn(&RedisServer) -> bool) {
        for server in &self.servers {
            wait_until(what, || holds(server));
        }
    }
}

fn member(options: impl Fn() -> Vec<String>) -> RedisServer {
    RedisServer::start_in(|_| {
        let bus = free_port().to_string();
        let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
        let own = QUICK.iter().chain(&cluster).map(|option| (*option).to_owned());
        own.chain(options()).collect()
    })
}

fn bus_port(server: &RedisServer) -> String {
    // `id 127.0.0.1:port@bus myself,master …`
    let own: String = server.query(&["CLUSTER", "NODES"]);
    let (_, rest) = own.split_once('@').expect("a node has a bus port");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

fn id(server: &RedisServer) -> String {
    server.query(&["CLUSTER", "MYID"])
}
