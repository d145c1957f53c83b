//! What is somebody else's to do: keys that move in a Cluster, and primaries that are replaced by agreement.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Created, Load, Saved, Select, SessionStore, StoredId, Swapped, Taken};
use session_redis::RedisStore;
use session_testkit::{RedisCluster, RedisSentinel, RedisServer};
use tokio::task::spawn_blocking;

use crate::load::{Load as Requests, Loss};
use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting};

fn key(id: &StoredId) -> String {
    format!("session:sessions:{}", id.handle())
}

fn slot(server: &RedisServer, id: &StoredId) -> String {
    server.query::<u16>(&["CLUSTER", "KEYSLOT", &key(id)]).to_string()
}

/// An id whose session lies in this slot.
fn id_in(server: &RedisServer, wanted: &str) -> StoredId {
    loop {
        let id = id();
        if slot(server, &id) == wanted {
            return id;
        }
    }
}

/// Each operation once, on sessions that are told apart by their attribute `n`.
async fn every_operation_is_done_once(store: &RedisStore, ids: &[StoredId], fresh: &StoredId) {
    assert_eq!(store.create(fresh, &counting(), NOW).await.unwrap(), Created::Created);
    assert_eq!(store.save(fresh, &setting("n", "1"), NOW).await.unwrap(), Saved::Applied);
    assert_eq!(store.replace_if(fresh, "n", Some(b"1"), Some(b"2"), NOW).await.unwrap(), Swapped::Applied);
    for id in ids {
        store.touch(id, NOW).await.unwrap();
        let value = store.value(id, "n").await.unwrap();
        let next = format!("{value}+");
        assert_eq!(
            store.replace_if(id, "n", Some(value.as_bytes()), Some(next.as_bytes()), NOW).await.unwrap(),
            Swapped::Applied
        );
        assert_eq!(store.save(id, &setting("once", "1"), NOW).await.unwrap(), Saved::Applied);
        assert_eq!(store.take(id, "once", NOW).await.unwrap(), Taken::Value("1".into()));
    }
    let new = digest();
    assert_eq!(store.rotate(fresh, &new, &setting("n", "3"), NOW).await.unwrap(), Saved::Applied);
    let rotated = StoredId::new(*fresh.handle(), new);
    assert_eq!(store.take(&rotated, "n", NOW).await.unwrap(), Taken::Value("3".into()));
    assert_eq!(store.delete(&rotated, op(), NOW).await.unwrap(), Saved::Applied);
    assert_eq!(store.load(&rotated, Select::All, NOW).await.unwrap(), Load::Gone);
}

/// The steps in which a slot changes hands. Some of its keys are still where they were, and some are not: the one
/// server says ASK, later MOVED.
#[tokio::test]
async fn while_a_slot_moves_every_operation_is_done_once() {
    let cluster = RedisCluster::start();
    let (one, other) = (RedisStore::connect(cluster.url()), RedisStore::connect(cluster.url()));
    let (store, idle) = (one.await.unwrap(), other.await.unwrap());
    let stays = store.begin().await;
    let from = cluster.owner(&key(&stays));
    let to = *cluster.primaries().iter().find(|server| server.port() != from.port()).unwrap();
    let slot = slot(from, &stays);
    let moves = id_in(from, &slot);
    store.create(&moves, &counting(), NOW).await.unwrap();
    let ids = [stays.clone(), moves.clone()];
    let name = |server: &RedisServer| server.query::<String>(&["CLUSTER", "MYID"]);
    let (from_name, to_name) = (name(from), name(to));
    // A server that has lost its scripts is asked, too.
    to.query::<()>(&["SCRIPT", "FLUSH"]);

    to.query::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_name]);
    from.query::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_name]);
    every_operation_is_done_once(&store, &ids, &id_in(from, &slot)).await;

    from.query::<()>(&["MIGRATE", "127.0.0.1", &to.port().to_string(), &key(&moves), "0", "1000"]);
    assert_eq!(to.query::<u32>(&["CLUSTER", "COUNTKEYSINSLOT", &slot]), 2, "one moved, one was made there");
    every_operation_is_done_once(&store, &ids, &id_in(from, &slot)).await;

    for left in from.query::<Vec<String>>(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]) {
        from.query::<()>(&["MIGRATE", "127.0.0.1", &to.port().to_string(), &left, "0", "1000"]);
    }
    for server in [to, from] {
        server.query::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_name]);
    }
    every_operation_is_done_once(&store, &ids, &id_in(from, &slot)).await;
    assert_eq!(store.value(&stays, "n").await.as_deref(), Some("0+++"));

    // A node that has not asked for anything meanwhile.
    every_operation_is_done_once(&idle, &ids, &id_in(from, &slot)).await;
    let (before, redirected) = (from.counters(), to.counters());
    every_operation_is_done_once(&idle, &ids, &id_in(from, &slot)).await;
    assert_eq!(from.counters().since(&before).calls("evalsha"), 0, "it knows the new owner");
    assert!(to.counters().since(&redirected).calls("evalsha") > 0);
}

/// A node that knows of no change is sent to somebody who is dead by then.
#[tokio::test]
async fn whoever_is_sent_to_a_dead_server_waits_for_its_replica() {
    let cluster = RedisCluster::start();
    let patient = RedisStore::builder(cluster.url()).budget(Duration::from_secs(20));
    let store = patient.connect().await.unwrap();
    let id = id();
    let from = cluster.owner(&key(&id));
    let to = *cluster.primaries().iter().find(|server| server.port() != from.port()).unwrap();
    let (slot, to_name) = (slot(from, &id), to.query::<String>(&["CLUSTER", "MYID"]));
    let replica = cluster.replica_of(to);
    // What the replica believes its primary to have.
    let slots = || {
        let nodes: String = replica.query(&["CLUSTER", "NODES"]);
        let line = nodes.lines().find(|line| line.starts_with(&to_name)).unwrap_or_default();
        line.split(' ').skip(8).collect::<Vec<_>>().join(" ")
    };
    let before = slots();
    for server in [to, from] {
        server.query::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_name]);
    }
    while slots() == before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    to.kill();
    assert_eq!(store.create(&id, &counting(), NOW).await.unwrap(), Created::Created);
    assert_eq!(store.value(&id, "n").await.as_deref(), Some("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_of_a_cluster_is_replaced_by_agreement_and_no_request_fails() {
    let cluster = Arc::new(RedisCluster::start());
    let store = Arc::new(RedisStore::connect(cluster.url()).await.unwrap());
    let requests = Requests::start(Arc::clone(&store), Loss::Nothing).await;
    let replaced = {
        let cluster = Arc::clone(&cluster);
        spawn_blocking(move || {
            let before = cluster.primaries()[0].port();
            cluster.fail_over(cluster.primaries()[0]);
            before
        })
    };
    replaced.await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let outcome = requests.stop().await;
    assert_eq!(outcome.failed, 0, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_replace_a_primary_by_agreement() {
    let group = Arc::new(RedisSentinel::start());
    let store = Arc::new(RedisStore::connect(group.url()).await.unwrap());
    let requests = Requests::start(Arc::clone(&store), Loss::Anything).await;
    let failing_over = {
        let group = Arc::clone(&group);
        spawn_blocking(move || {
            group.replicate();
            group.fail_over();
        })
    };
    failing_over.await.unwrap();
    requests.recovered().await;
    requests.stop().await;
    let id = store.begin().await;
    assert_eq!(group.primary().query::<u32>(&["EXISTS", &key(&id)]), 1);
}

#[tokio::test]
async fn as_many_connections_as_were_asked_for_are_opened_and_used() {
    let server = RedisServer::start();
    let clients = || server.query::<String>(&["CLIENT", "LIST", "TYPE", "normal"]);
    let own = clients().lines().count();
    let store = RedisStore::connect(format!("{}?connections=3", server.url())).await.unwrap();
    for _ in 0..6 {
        store.find(&id()).await;
    }
    let after = clients();
    assert_eq!(after.lines().count(), own + 3);
    assert_eq!(after.lines().filter(|client| client.contains("cmd=hgetall")).count(), 3, "{after}");
}

/// Without it an operation is sent once, whatever it is.
#[tokio::test]
async fn nothing_is_sent_again_when_that_is_not_wanted() {
    let server = RedisServer::start();
    let proxy = session_testkit::Proxy::start(server.port()).await;
    let builder = RedisStore::builder(format!("redis://127.0.0.1:{}", proxy.port())).retry(false);
    let store = builder.connect().await.unwrap();
    let id = store.begin().await;
    proxy.cut_after_next_request();
    let before = server.counters();
    assert!(store.load(&id, Select::All, NOW).await.is_err());
    assert_eq!(server.counters().since(&before).calls("hgetall"), 1);
}
