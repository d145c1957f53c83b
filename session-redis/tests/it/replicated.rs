//! What waits for a replica, and what it says when none is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ErrorKind, OpId, Saved, SessionStore, StoredId};
use session_redis::{Durability, RedisStore, RedisStoreBuilder};
use session_testkit::outage::IN_TIME;
use session_testkit::{RedisCluster, RedisServer, Stopwatch};
use tokio::task::JoinSet;

use crate::support::{NOW, StoreExt as _, digest, op, setting};

/// What is not about the budget: a busy machine must not use it up.
const PATIENCE: Duration = Duration::from_secs(20);

struct Pair {
    primary: RedisServer,
    replica: RedisServer,
    store: Arc<RedisStore>,
}

impl Pair {
    async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    async fn start_with(setting: impl FnOnce(RedisStoreBuilder) -> RedisStoreBuilder) -> Self {
        let primary = RedisServer::start_with(&["--repl-diskless-sync-delay", "0"]);
        let port = primary.port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]);
        // A replica that has just come confirms nothing for a second, but for what was there before it.
        primary.query::<()>(&["SET", "warm", "up"]);
        while primary.query::<u32>(&["WAIT", "1", "1000"]) == 0 {}
        let builder = RedisStore::builder(primary.url()).durability(Durability::Replicated);
        let store = Arc::new(setting(builder).connect().await.unwrap());
        Self { primary, replica, store }
    }

    /// Whether the replica has the tombstone, which is a record without a digest.
    fn replica_knows_the_end_of(&self, id: &StoredId) -> bool {
        let fields: Vec<String> =
            self.replica.query(&["HKEYS", &format!("session:sessions:{}", id.handle())]);
        !fields.is_empty() && !fields.contains(&"d".to_owned())
    }

    /// Ends the session, as often as it takes until the replica has woken up and says that it has it.
    async fn end_when_it_is_back(&self, id: &StoredId, op: OpId) {
        let patience = Instant::now() + PATIENCE;
        while let Err(error) = self.store.delete(id, op, NOW).await {
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert!(Instant::now() < patience, "the replica is back and confirms nothing");
        }
    }

    /// The operations that say who may use a session.
    async fn durable(&self, ids: [&StoredId; 4]) -> Vec<(Option<ErrorKind>, Duration)> {
        let begun = Stopwatch::start();
        let timed = |kind: Option<ErrorKind>| (kind, begun.elapsed());
        let (store, new) = (&self.store, digest());
        let nothing = setting("a", "1");
        let (rotate, delete, end, take) = tokio::join!(
            async { timed(store.rotate(ids[0], &new, &nothing, NOW).await.err().map(|error| error.kind())) },
            async { timed(store.delete(ids[1], op(), NOW).await.err().map(|error| error.kind())) },
            async { timed(store.end(ids[2].handle(), op()).await.err().map(|error| error.kind())) },
            async { timed(store.take(ids[3], "n", NOW).await.err().map(|error| error.kind())) },
        );
        vec![rotate, delete, end, take]
    }
}

#[tokio::test]
async fn an_end_is_at_the_replica_when_it_is_acknowledged() {
    let pair = Pair::start_with(|builder| builder.budget(PATIENCE)).await;
    for _ in 0..200 {
        let id = pair.store.begin().await;
        assert_eq!(pair.store.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
        assert!(pair.replica_knows_the_end_of(&id));
    }
}

#[tokio::test]
async fn without_a_replica_it_fails_in_time_and_everything_else_goes_on() {
    let pair = Pair::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(pair.store.begin().await);
    }
    let other = pair.store.begin().await;
    pair.replica.stop();
    let durable = pair.durable([&ids[0], &ids[1], &ids[2], &ids[3]]);
    let ordinary = async {
        let begun = Stopwatch::start();
        for _ in 0..50 {
            assert_eq!(pair.store.save(&other, &setting("n", "1"), NOW).await.unwrap(), Saved::Applied);
            assert!(pair.store.find(&other).await.is_some());
        }
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    };
    let (outcomes, ()) = tokio::join!(durable, ordinary);
    for (error, elapsed) in outcomes {
        assert_eq!(error, Some(ErrorKind::Timeout));
        assert!(elapsed < IN_TIME, "{elapsed:?}");
    }
    // The primary has made the changes all the same.
    assert!(pair.store.find(&ids[1]).await.is_none());
    pair.replica.cont();
    let id = pair.store.begin().await;
    pair.end_when_it_is_back(&id, op()).await;
    assert!(pair.replica_knows_the_end_of(&id));
}

/// Many wait for the same confirmation: no line of them forms behind a replica that is away.
#[tokio::test]
async fn many_that_wait_for_a_replica_wait_together() {
    let pair = Pair::start().await;
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(pair.store.begin().await);
    }
    pair.replica.stop();
    let begun = Stopwatch::start();
    let mut ending = JoinSet::new();
    for id in ids {
        let store = Arc::clone(&pair.store);
        ending.spawn(async move { store.delete(&id, op(), NOW).await.unwrap_err().kind() });
    }
    for kind in ending.join_all().await {
        assert_eq!(kind, ErrorKind::Timeout);
    }
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    pair.replica.cont();
}

/// Sent again after a broken connection it finds its own work done, and must still wait: this rests on WAIT covering
/// what others have written.
#[tokio::test]
async fn what_was_done_before_is_confirmed_like_what_is_done_now() {
    let pair = Pair::start().await;
    let (id, op) = (pair.store.begin().await, op());
    pair.replica.stop();
    let direct = RedisStore::connect(pair.primary.url()).await.unwrap();
    assert_eq!(direct.delete(&id, op, NOW).await.unwrap(), Saved::Applied);
    assert_eq!(pair.store.delete(&id, op, NOW).await.unwrap_err().kind(), ErrorKind::Timeout);
    pair.replica.cont();
    pair.end_when_it_is_back(&id, op).await;
    assert!(pair.replica_knows_the_end_of(&id));
}

#[tokio::test]
async fn by_default_nothing_waits_for_a_replica() {
    let pair = Pair::start().await;
    let store = RedisStore::connect(pair.primary.url()).await.unwrap();
    let id = store.begin().await;
    pair.replica.stop();
    assert_eq!(store.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
    pair.replica.cont();
}

#[tokio::test]
async fn a_replica_of_the_session_s_own_primary_confirms_in_a_cluster() {
    let cluster = RedisCluster::shared();
    let url = format!("{}?durability=replicated", cluster.url());
    let store = RedisStore::builder(url).budget(PATIENCE).connect().await.unwrap();
    for _ in 0..50 {
        let id = store.begin().await;
        assert_eq!(store.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
        let key = format!("session:sessions:{}", id.handle());
        let replica = cluster.replica_of(cluster.owner(&key));
        assert_eq!(keys_of(replica, &key), [key]);
    }
}

/// A replica of a Cluster answers no command on a key, but lists what it has.
fn keys_of(server: &RedisServer, pattern: &str) -> Vec<String> {
    server.query(&["KEYS", pattern])
}
