use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::SessionStore;
use session_redis::RedisStore;
use session_testkit::{Harness, RedisServer, async_trait, store_conformance};

use crate::support::namespace;

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
            let store = RedisStore::builder(server.url()).namespace(&namespace).connect().await;
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
        let by = by.as_millis().to_string();
        self.server.query::<()>(&["EVAL", MOVE_BACK, "0", &format!("{}:*", self.namespace), &by]);
    }

    async fn leftovers(&self) -> usize {
        self.server.query::<Vec<String>>(&["KEYS", &format!("{}:*", self.namespace)]).len()
    }
}

/// Moves every time in the keys of a pattern, and their expiry, back by so many milliseconds.
const MOVE_BACK: &str = r"
local NEVER = '253402300799999'
local function back(time)
  if time == '-' or time == NEVER then return time end
  return string.format('%.0f', time - ARGV[2])
end
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  for _, field in ipairs({'N', 'O', 's', 'r', 'x'}) do
    local time = redis.call('HGET', key, field)
    if time then redis.call('HSET', key, field, back(time)) end
  end
  local m = redis.call('HGET', key, 'm')
  if m then
    local created, last, idle, stop, ends = string.match(m, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
    redis.call('HSET', key, 'm', table.concat({back(created), back(last), idle, back(stop), back(ends)}, ' '))
  end
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end";

store_conformance!(redis, Redis::start().await);
