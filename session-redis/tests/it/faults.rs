//! Servers break while requests are under way: none takes longer than its budget, no live session is taken for a
//! missing one, no acknowledged change is lost that the servers have kept, and a second after they are back everything
//! succeeds.
//!
//! `SESSION_FAULTS` says how often each of them breaks: twice, if nothing is said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ErrorKind, Load as Loaded, Select, SessionStore, StoredId};
use session_redis::{Durability, RedisStore};
use session_testkit::outage::{IN_TIME, ONE_SECOND};
use session_testkit::{Proxy, RedisCluster, RedisSentinel, RedisServer, Stopwatch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::sleep;

use crate::load::{Load, Loss};
use crate::support::{NOW, StoreExt as _, counting, id, op, setting, store_at};

fn times() -> usize {
    std::env::var("SESSION_FAULTS").map_or(2, |text| text.parse().expect("SESSION_FAULTS is a number"))
}

/// What takes many times longer to start than to break is started once.
const OFTEN: usize = 20;

fn key(id: &StoredId) -> String {
    format!("session:sessions:{}", id.handle())
}

/// Does something to the servers that blocks.
pub(crate) async fn to<S: Send + Sync + 'static, T: Send + 'static>(
    servers: &Arc<S>,
    does: impl FnOnce(&S) -> T + Send + 'static,
) -> T {
    let servers = Arc::clone(servers);
    spawn_blocking(move || does(&servers)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_killed_and_sentinels_name_another() {
    let group = Arc::new(RedisSentinel::start());
    for _ in 0..times() {
        let store = Arc::new(RedisStore::connect(group.url()).await.unwrap());
        let requests = Load::start(store, Loss::Anything).await;
        let killed = to(&group, |group| {
            group.replicate();
            let primary = group.primary();
            primary.kill();
            primary.port()
        });
        let killed = killed.await;
        to(&group, move |group| group.wait_for_another(killed)).await;
        requests.recovered().await;
        requests.stop().await;
        to(&group, |group| group.repair()).await;
    }
}

/// It does not know of the failover when it goes on, and answers as if it were the primary still.
#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_halted_and_comes_back_as_if_nothing_had_happened() {
    let group = Arc::new(RedisSentinel::start());
    for _ in 0..times() {
        let store = Arc::new(RedisStore::connect(group.url()).await.unwrap());
        let idle = Arc::new(RedisStore::connect(group.url()).await.unwrap());
        let requests = Load::start(Arc::clone(&store), Loss::Anything).await;
        let halted = to(&group, |group| {
            group.replicate();
            let primary = group.primary();
            primary.stop();
            primary.port()
        });
        let halted = halted.await;
        to(&group, move |group| group.wait_for_another(halted)).await;
        requests.recovered().await;
        let made_meanwhile = store.begin().await;
        to(&group, move |group| {
            group.servers().iter().find(|server| server.port() == halted).unwrap().cont();
        })
        .await;
        // Both nodes have a connection to the old primary; the one has not used it.
        for store in [&store, &idle] {
            assert!(store.find(&made_meanwhile).await.is_some(), "the old primary does not know it");
        }
        requests.recovered().await;
        requests.stop().await;
        to(&group, |group| group.repair()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_of_the_cluster_is_killed_and_its_replica_takes_its_place() {
    let cluster = Arc::new(RedisCluster::start());
    for round in 0..times() {
        let builder = RedisStore::builder(cluster.url()).durability(Durability::Replicated);
        let store = Arc::new(builder.connect().await.unwrap());
        // Acknowledged with a replica: no failover undoes it.
        let ended = end_some(&store).await;
        let requests = Load::start(Arc::clone(&store), Loss::Changes).await;
        let replica = to(&cluster, move |cluster| {
            cluster.replicate();
            let primary = cluster.primaries()[round % 3];
            let replica = cluster.replica_of(primary).port();
            primary.kill();
            replica
        });
        let replica = replica.await;
        to(&cluster, move |cluster| {
            let patience = Instant::now() + Duration::from_secs(30);
            while !cluster.primaries().iter().any(|server| server.port() == replica) {
                assert!(Instant::now() < patience, "the replica does not take the primary's place");
            }
        })
        .await;
        // Without a replica nothing durable is acknowledged.
        let plain = Arc::new(RedisStore::connect(cluster.url()).await.unwrap());
        Stopwatch::start().reaches(ONE_SECOND).await;
        for _ in 0..32 {
            let id = plain.begin().await;
            plain.delete(&id, op(), NOW).await.unwrap();
        }
        for id in ended {
            let found = store.load(&id, Select::All, NOW).await.unwrap();
            assert!(matches!(found, Loaded::Gone | Loaded::Absent), "it is ended for good");
        }
        to(&cluster, |cluster| cluster.repair()).await;
        requests.recovered().await;
        requests.stop().await;
    }
}

async fn end_some(store: &RedisStore) -> Vec<StoredId> {
    let mut ended = Vec::new();
    for _ in 0..32 {
        let id = store.begin().await;
        store.delete(&id, op(), NOW).await.unwrap();
        ended.push(id);
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_cut_in_the_middle_of_a_reply() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port()).await;
    let store = Arc::new(store_at(proxy.port()).await);
    let large = large(&store).await;
    let requests = Load::start(Arc::clone(&store), Loss::Nothing).await;
    // It is sent again, and never half of what was there.
    let whole = async || {
        let Loaded::Live { record, .. } = store.load(&large, Select::All, NOW).await.unwrap() else {
            panic!("a live session is not found");
        };
        assert_eq!(record.attributes.get("large").map(|value| value.len()), Some(LARGE));
    };
    for _ in 0..OFTEN {
        let cuts = proxy.cuts();
        proxy.cut_within_next_answer();
        while proxy.cuts() == cuts {
            whole().await;
        }
        // Whoever meets this cut may not meet the next one, too: nothing is sent a third time.
        whole().await;
    }
    let outcome = requests.stop().await;
    assert!(outcome.failed > 0, "what must not be sent twice is not: {outcome:?}");
}

const LARGE: usize = 200_000;

async fn large(store: &RedisStore) -> StoredId {
    let (id, mut new) = (id(), counting());
    new.attributes.insert("large".into(), vec![b'x'; LARGE].into());
    store.create(&id, &new, NOW).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_stopped_for_five_seconds() {
    let server = RedisServer::start();
    let store = Arc::new(store_at(server.port()).await);
    for _ in 0..times() {
        let requests = Load::start(Arc::clone(&store), Loss::Nothing).await;
        server.stop();
        sleep(Duration::from_secs(5)).await;
        server.cont();
        requests.recovered().await;
        let outcome = requests.stop().await;
        assert!(outcome.failed > 0, "nothing has noticed: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_are_flushed_and_no_request_fails() {
    let server = RedisServer::start();
    let store = Arc::new(store_at(server.port()).await);
    let requests = Load::start(Arc::clone(&store), Loss::Nothing).await;
    for _ in 0..OFTEN {
        server.query::<()>(&["SCRIPT", "FLUSH"]);
        sleep(Duration::from_millis(20)).await;
    }
    let outcome = requests.stop().await;
    assert_eq!(outcome.failed, 0, "{outcome:?}");
}

/// The name leads to the new primary a little too late.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_leads_to_a_replica_that_refuses_writes() {
    for _ in 0..times() {
        let primary = RedisServer::start();
        let proxy = Proxy::start(primary.port()).await;
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
        let store = Arc::new(store_at(proxy.port()).await);
        let id = store.begin().await;
        while replica.query::<u32>(&["EXISTS", &key(&id)]) == 0 {}
        let requests = Load::start(Arc::clone(&store), Loss::Nothing).await;
        // By agreement: the replica has what was acknowledged.
        primary.query::<()>(&["FAILOVER"]);
        while replica.info("replication", "role").as_deref() != Some("master") {}
        while primary.info("replication", "role").as_deref() != Some("slave") {}
        for _ in 0..5 {
            let error = store.save(&id, &setting("n", "1"), NOW).await.unwrap_err();
            assert!([ErrorKind::ReadOnly, ErrorKind::Unavailable].contains(&error.kind()), "{error:?}");
            let error = store.load(&id, Select::All, NOW).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error:?}");
        }
        proxy.lead_to(replica.port());
        requests.recovered().await;
        requests.stop().await;
    }
}

/// Sixteen nodes that have not used their connections for a while, at the moment of a failover.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_were_idle_find_the_new_primary_at_once() {
    let cluster = Arc::new(RedisCluster::start());
    let mut nodes = Vec::new();
    for _ in 0..16 {
        nodes.push(RedisStore::connect(cluster.url()).await.unwrap());
    }
    let id = nodes[0].begin().await;
    let (of, session) = (key(&id), id.clone());
    let replaced = to(&cluster, move |cluster| {
        cluster.replicate();
        let primary = cluster.owner(&of);
        let (halted, replica) = (primary.port(), cluster.replica_of(primary).port());
        primary.stop();
        let patience = Instant::now() + Duration::from_secs(30);
        let replica = cluster.servers().iter().find(|server| server.port() == replica).unwrap();
        while replica.info("replication", "role").as_deref() != Some("master") {
            assert!(Instant::now() < patience, "the replica does not take the primary's place");
        }
        halted
    });
    let halted = replaced.await;
    let mut asking = JoinSet::new();
    for node in nodes {
        let id = session.clone();
        asking.spawn(async move {
            // The primary is silent: who has not noticed does so by waiting for it.
            let first = Stopwatch::start();
            let _ = node.load(&id, Select::All, NOW).await;
            assert!(first.elapsed() < IN_TIME, "{:?}", first.elapsed());
            let begun = Stopwatch::start();
            let found = node.load(&id, Select::All, NOW).await.unwrap();
            assert!(matches!(found, Loaded::Live { .. }));
            assert!(begun.elapsed() < ONE_SECOND, "{:?}", begun.elapsed());
        });
    }
    asking.join_all().await;
    to(&cluster, move |cluster| {
        cluster.servers().iter().find(|server| server.port() == halted).unwrap().cont();
    })
    .await;
}
