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
        let server = RedisServer::shared();
        let namespace = namespace();
        let node = async || {
            // The cases are not about the budget: a busy machine must not use it up.
            let builder = RedisStore::builder(server.url()).budget(Duration::from_secs(20));
            let store = builder.namespace(&namespace).connect().await;
            Arc::new(store.unwrap())
        };
        let nodes = [node().await, node().await];
        Self { server, namespace, nodes, turn: AtomicUsize::new(0) }
    }
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

    async fn with_events(&self, _: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        None
    }

    async fn leftovers(&self) -> usize {
        self.server.query::<Vec<String>>(&["KEYS", &format!("{}:*", self.namespace)]).len()
    }
}

store_conformance!(redis, Redis::start().await);
