//! The contract of all stores, on everything that people call Redis.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{EventSettings, SessionStore};
use session_redis::RedisStore;
use session_testkit::{
    Harness, RedisCluster, RedisSentinel, RedisServer, async_trait, races, store_conformance,
};

use crate::support::{move_back, namespace};

/// Where the sessions of a harness lie.
trait Servers: Send + Sync + 'static {
    fn url(&self) -> String;
    fn primaries(&self) -> Vec<&RedisServer>;
    /// How often a race is run, of what the environment asks for.
    fn repetitions(&self, asked: usize) -> usize;
}

impl Servers for Arc<RedisServer> {
    fn url(&self) -> String {
        RedisServer::url(self)
    }

    fn primaries(&self) -> Vec<&RedisServer> {
        vec![self]
    }

    fn repetitions(&self, asked: usize) -> usize {
        asked
    }
}

impl Servers for Arc<RedisCluster> {
    fn url(&self) -> String {
        RedisCluster::url(self)
    }

    fn primaries(&self) -> Vec<&RedisServer> {
        RedisCluster::primaries(self)
    }

    fn repetitions(&self, asked: usize) -> usize {
        asked.min(2_000)
    }
}

/// What is different there is the way to the server; the races are decided in it.
const FEW: usize = 200;

impl Servers for Arc<RedisSentinel> {
    fn url(&self) -> String {
        RedisSentinel::url(self)
    }

    fn primaries(&self) -> Vec<&RedisServer> {
        vec![self.primary()]
    }

    fn repetitions(&self, asked: usize) -> usize {
        asked.min(FEW)
    }
}

struct Socket(Arc<RedisServer>);

impl Servers for Socket {
    fn url(&self) -> String {
        format!("redis+unix://{}", self.0.socket().display())
    }

    fn primaries(&self) -> Vec<&RedisServer> {
        vec![&self.0]
    }

    fn repetitions(&self, asked: usize) -> usize {
        asked.min(FEW)
    }
}

#[cfg(feature = "tls")]
impl Servers for Arc<session_testkit::RedisTls> {
    fn url(&self) -> String {
        format!("{}?cacert={}", session_testkit::RedisTls::url(self), self.ca().display())
    }

    fn primaries(&self) -> Vec<&RedisServer> {
        vec![self.server()]
    }

    fn repetitions(&self, asked: usize) -> usize {
        asked.min(FEW)
    }
}

/// Two nodes, taken in turns, on a namespace of their own. Time is the server's: short waits are waited, for long
/// ones all that is stored is moved back.
struct Redis<S> {
    servers: S,
    namespace: String,
    nodes: [Arc<RedisStore>; 2],
    turn: AtomicUsize,
    is_telling: bool,
}

impl<S: Servers> Redis<S> {
    async fn start(servers: S) -> Self {
        Self::start_with(servers, None).await
    }

    /// The same with events on throughout, in what is not about events, too.
    async fn telling(servers: S) -> Self {
        Self::start_with(servers, Some(EventSettings::new().attributes(["kept"]))).await
    }

    async fn start_with(servers: S, events: Option<EventSettings>) -> Self {
        let namespace = namespace();
        let nodes = [
            node(servers.url(), &namespace, events.as_ref()).await,
            node(servers.url(), &namespace, events.as_ref()).await,
        ];
        Self { servers, namespace, nodes, turn: AtomicUsize::new(0), is_telling: events.is_some() }
    }
}

async fn node(url: String, namespace: &str, events: Option<&EventSettings>) -> Arc<RedisStore> {
    // The cases are not about the budget: a busy machine must not use it up.
    let mut builder = RedisStore::builder(url).namespace(namespace).budget(Duration::from_secs(20));
    if let Some(events) = events {
        builder = builder.events(events.clone());
    }
    Arc::new(builder.connect().await.unwrap())
}

#[async_trait]
impl<S: Servers> Harness for Redis<S> {
    fn store(&self) -> Arc<dyn SessionStore> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.nodes[turn % self.nodes.len()]) as Arc<dyn SessionStore>
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn skip(&self, by: Duration) {
        for server in self.servers.primaries() {
            move_back(server, &self.namespace, by);
        }
    }

    /// Each time another node.
    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        Some(node(self.servers.url(), &self.namespace, Some(settings)).await)
    }

    async fn leftovers(&self) -> usize {
        let pattern = format!("{}:*", self.namespace);
        let mut left = BTreeSet::new();
        for server in self.servers.primaries() {
            for key in server.query::<Vec<String>>(&["KEYS", &pattern]) {
                if key.contains(":expirations:") {
                    // A session counts once, with its entry in a list.
                    let listed = server.query::<Vec<String>>(&["ZRANGE", &key, "0", "-1"]);
                    left.extend(listed.iter().map(|handle| format!("{}:sessions:{handle}", self.namespace)));
                } else if !key.contains(":events:") {
                    left.insert(key);
                }
            }
        }
        left.len()
    }

    fn repetitions(&self) -> usize {
        let most = self.servers.repetitions(races());
        // The same scripts decide, inside of others.
        if self.is_telling { most.min(1_000) } else { most }
    }
}

store_conformance!(redis, Redis::start(RedisServer::shared()).await);
store_conformance!(redis_telling, Redis::telling(RedisServer::shared()).await);
store_conformance!(redis_by_socket, Redis::start(Socket(RedisServer::shared())).await);
store_conformance!(redis_sentinel, Redis::start(RedisSentinel::shared()).await);
store_conformance!(redis_cluster_telling, Redis::telling(RedisCluster::shared()).await);
store_conformance!(redis_cluster, Redis::start(RedisCluster::shared()).await);
#[cfg(feature = "tls")]
store_conformance!(redis_tls, Redis::start(session_testkit::RedisTls::shared()).await);
