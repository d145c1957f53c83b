use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{EventSettings, SessionStore};
use session_redis::RedisStore;
use session_testkit::{Harness, RedisServer, async_trait, store_conformance};

use crate::support::{move_back, namespace};

/// Two nodes, taken in turns, on a namespace of their own. Time is the server's: short waits are waited, for long
/// ones all that is stored is moved back.
struct Redis {
    server: Arc<RedisServer>,
    namespace: String,
    nodes: [Arc<RedisStore>; 2],
    turn: AtomicUsize,
}

impl Redis {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same with events on throughout.
    async fn telling() -> Self {
        Self::start_with(Some(EventSettings::new().attributes(["kept"]))).await
    }

    async fn start_with(events: Option<EventSettings>) -> Self {
        let server = RedisServer::shared();
        let namespace = namespace();
        let nodes = [node(&server, &namespace, &events).await, node(&server, &namespace, &events).await];
        Self { server, namespace, nodes, turn: AtomicUsize::new(0) }
    }
}

async fn node(server: &RedisServer, namespace: &str, events: &Option<EventSettings>) -> Arc<RedisStore> {
    // The cases are not about the budget: a busy machine must not use it up.
    let mut builder = RedisStore::builder(server.url()).namespace(namespace).budget(Duration::from_secs(20));
    if let Some(events) = events {
        builder = builder.events(events.clone());
    }
    Arc::new(builder.connect().await.unwrap())
}

#[async_trait]
impl Harness for Redis {
    fn store(&self) -> Arc<dyn SessionStore> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.nodes[turn % self.nodes.len()]) as Arc<dyn SessionStore>
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn skip(&self, by: Duration) {
        move_back(&self.server, &self.namespace, by);
    }

    /// Each time another node.
    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        Some(node(&self.server, &self.namespace, &Some(settings.clone())).await)
    }

    async fn leftovers(&self) -> usize {
        let keys = self.server.query::<Vec<String>>(&["KEYS", &format!("{}:*", self.namespace)]);
        let (lists, keys): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains(":expirations:"));
        // A session counts once, with its entry in a list.
        let mut left: BTreeSet<_> = keys.into_iter().filter(|key| !key.contains(":events:")).collect();
        for list in lists {
            let listed = self.server.query::<Vec<String>>(&["ZRANGE", &list, "0", "-1"]);
            left.extend(listed.iter().map(|handle| format!("{}:sessions:{handle}", self.namespace)));
        }
        left.len()
    }
}

store_conformance!(redis, Redis::start().await);
store_conformance!(telling, Redis::telling().await);
