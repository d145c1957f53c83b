//! The server hangs, dies or is out of reach: every operation answers in time all the same, and succeeds as soon as
//! the server is back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{ErrorKind, Result, Select, SessionStore, StoredId};
use session_redis::RedisStore;
use session_testkit::{Proxy, RedisServer, Traffic};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting, store_at};

/// The budget of two seconds, and what a busy machine may add.
const IN_TIME: Duration = Duration::from_millis(2200);
const ONE_SECOND: Duration = Duration::from_secs(1);

struct Outage {
    server: RedisServer,
    proxy: Proxy,
    store: Arc<RedisStore>,
}

impl Outage {
    async fn start() -> Self {
        let server = RedisServer::durable();
        let proxy = Proxy::start(server.port()).await;
        let store = Arc::new(store_at(proxy.port()).await);
        Self { server, proxy, store }
    }

    /// Every operation at several moments of a long outage, and again after it.
    async fn lasts_long(&self, begins: impl FnOnce(&Self), ends: impl FnOnce(&Self)) {
        let ids = begin_all(&self.store).await;
        begins(self);
        let mut waves = JoinSet::new();
        for delay in [0, 300, 1000, 2500] {
            let (store, ids) = (Arc::clone(&self.store), ids.clone());
            waves.spawn(async move {
                sleep(Duration::from_millis(delay)).await;
                every_operation(&store, &ids).await
            });
        }
        for wave in waves.join_all().await {
            fail_in_time(&wave);
        }
        ends(self);
        self.is_over().await;
    }

    /// One operation is there to notice a short outage. What comes a second after its end is not harmed by it.
    async fn lasts_shortly(&self, begins: impl FnOnce(&Self), ends: impl FnOnce(&Self)) {
        let ids = begin_all(&self.store).await;
        begins(self);
        let (store, noticing) = (Arc::clone(&self.store), ids[0].clone());
        let notices =
            tokio::spawn(async move { timed("load", store.load(&noticing, Select::All, NOW)).await });
        sleep(Duration::from_millis(500)).await;
        ends(self);
        sleep(ONE_SECOND).await;
        succeed(&every_operation(&self.store, &ids).await);
        assert!(notices.await.unwrap().elapsed < IN_TIME);
    }

    /// The server has just come back.
    async fn is_over(&self) {
        let back = Instant::now();
        while self.store.load(&id(), Select::All, NOW).await.is_err() {
            assert!(back.elapsed() < ONE_SECOND, "nothing succeeds a second after the server's return");
        }
        assert!(back.elapsed() < ONE_SECOND, "the first success took {:?}", back.elapsed());
        let ids = begin_all(&self.store).await;
        succeed(&every_operation(&self.store, &ids).await);
    }
}

struct Outcome {
    operation: &'static str,
    elapsed: Duration,
    error: Option<ErrorKind>,
}

fn succeed(outcomes: &[Outcome]) {
    for Outcome { operation, error, .. } in outcomes {
        assert_eq!(*error, None, "{operation}");
    }
}

fn fail_in_time(outcomes: &[Outcome]) {
    for Outcome { operation, elapsed, error } in outcomes {
        assert!(*elapsed < IN_TIME, "{operation} took {elapsed:?}");
        assert!(matches!(error, Some(ErrorKind::Timeout | ErrorKind::Unavailable)), "{operation}: {error:?}");
    }
}

async fn begin_all(store: &RedisStore) -> Vec<StoredId> {
    let mut ids = Vec::new();
    for _ in 0..9 {
        ids.push(store.begin().await);
    }
    ids
}

/// All operations at once, each on a session of its own.
async fn every_operation(store: &RedisStore, ids: &[StoredId]) -> Vec<Outcome> {
    let (new, fresh, changes) = (digest(), id(), setting("a", "1"));
    let record = counting();
    let renewal = store.capabilities().renewal.unwrap();
    let (create, load, touch, save, rotate, renew, delete, end, take, replace) = tokio::join!(
        timed("create", store.create(&fresh, &record, NOW)),
        timed("load", store.load(&ids[0], Select::All, NOW)),
        timed("touch", store.touch(&ids[1], NOW)),
        timed("save", store.save(&ids[2], &changes, NOW)),
        timed("rotate", store.rotate(&ids[3], &new, &changes, NOW)),
        timed("renew", renewal.renew(&ids[4], &new, NOW)),
        timed("delete", store.delete(&ids[5], op(), NOW)),
        timed("end", store.end(ids[6].handle(), op())),
        timed("take", store.take(&ids[7], "n", NOW)),
        timed("replace_if", store.replace_if(&ids[8], "n", Some(b"0"), Some(b"1"), NOW)),
    );
    vec![create, load, touch, save, rotate, renew, delete, end, take, replace]
}

async fn timed<T>(operation: &'static str, answer: impl Future<Output = Result<T>>) -> Outcome {
    let begun = Instant::now();
    let error = answer.await.err().map(|error| error.kind());
    Outcome { operation, elapsed: begun.elapsed(), error }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_stopped_for_long() {
    Outage::start().await.lasts_long(|outage| outage.server.stop(), |outage| outage.server.cont()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_stopped_shortly() {
    Outage::start().await.lasts_shortly(|outage| outage.server.stop(), |outage| outage.server.cont()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_and_started_again() {
    let outage = Outage::start().await;
    let id = outage.store.begin().await;
    outage.lasts_long(|outage| outage.server.kill(), |outage| outage.server.restart()).await;
    assert_eq!(outage.store.value(&id, "n").await.as_deref(), Some("0"), "the session has survived");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_killed_and_at_once_started_again() {
    let outage = Outage::start().await;
    let id = outage.store.begin().await;
    outage.server.restart();
    outage.is_over().await;
    assert_eq!(outage.store.value(&id, "n").await.as_deref(), Some("0"), "the session has survived");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_forgotten_for_long() {
    let outage = Outage::start().await;
    let back = |outage: &Outage| outage.proxy.set(Traffic::Pass);
    outage.lasts_long(|outage| outage.proxy.set(Traffic::Swallow), back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_forgotten_in_a_short_moment() {
    let outage = Outage::start().await;
    let back = |outage: &Outage| outage.proxy.set(Traffic::Pass);
    outage.lasts_shortly(|outage| outage.proxy.set(Traffic::Swallow), back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_for_long() {
    let outage = Outage::start().await;
    let back = |outage: &Outage| outage.proxy.set(Traffic::Pass);
    outage.lasts_long(|outage| outage.proxy.set(Traffic::Stall), back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_refused() {
    let outage = Outage::start().await;
    let refuse = |outage: &Outage| {
        outage.proxy.set(Traffic::Refuse);
        outage.proxy.cut();
    };
    outage.lasts_long(refuse, |outage| outage.proxy.set(Traffic::Pass)).await;
}

/// An operation that nobody awaits any longer has noticed the silence all the same.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_give_up_do_not_hide_that_the_connection_is_forgotten() {
    let outage = Outage::start().await;
    let id = outage.store.begin().await;
    outage.proxy.set(Traffic::Swallow);
    let load = outage.store.load(&id, Select::All, NOW);
    assert!(tokio::time::timeout(Duration::from_millis(1000), load).await.is_err());
    outage.proxy.set(Traffic::Pass);
    outage.is_over().await;
}

/// The store asks for less patience: so everything is over sooner.
#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_budget_is_kept() {
    let server = RedisServer::start();
    let budget = Duration::from_millis(200);
    let store = RedisStore::builder(server.url()).budget(budget).connect().await.unwrap();
    let ids = begin_all(&store).await;
    server.stop();
    for outcome in every_operation(&store, &ids).await {
        assert_eq!(outcome.error, Some(ErrorKind::Timeout), "{}", outcome.operation);
        assert!(
            outcome.elapsed < Duration::from_millis(400),
            "{} took {:?}",
            outcome.operation,
            outcome.elapsed
        );
    }
    server.cont();
}
