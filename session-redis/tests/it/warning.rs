//! What the store warns of when it connects.

use std::fmt;
use std::sync::{Arc, Mutex};

use session_redis::RedisStore;
use session_testkit::RedisServer;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects what is warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<String>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("session_redis")
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for Warnings {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{value:?}\n"));
    }
}

async fn warnings(server: &RedisServer) -> String {
    let warnings = Warnings::default();
    RedisStore::connect(server.url()).with_subscriber(warnings.clone()).await.unwrap();
    let noted = warnings.0.lock().unwrap();
    noted.clone()
}

#[tokio::test]
async fn a_server_that_evicts_sessions_is_warned_of() {
    let evicts = RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]);
    let warning = warnings(&evicts).await;
    assert!(warning.contains("set its maxmemory-policy to noeviction"), "{warning}");
    assert!(warning.contains("allkeys-lru"), "{warning}");
}

#[tokio::test]
async fn a_server_that_keeps_what_it_is_given_is_not() {
    assert_eq!(warnings(&RedisServer::start()).await, "");
    let full = RedisServer::start_with(&["--maxmemory", "100mb"]);
    assert_eq!(warnings(&full).await, "");
    let unlimited = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    assert_eq!(warnings(&unlimited).await, "");
}
