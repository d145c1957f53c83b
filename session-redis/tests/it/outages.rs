//! The server hangs, dies or is out of reach: every operation answers in time all the same, and succeeds as soon as
//! the server is back.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ErrorKind, Select, SessionStore};
use session_redis::RedisStore;
use session_testkit::outage::{begin_all, every_operation, is_over, lasts_long, lasts_shortly};
use session_testkit::{Proxy, RedisServer, Traffic};

use crate::support::{NOW, StoreExt as _, store_at};

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

    async fn lasts_long(&self, begins: impl FnOnce(&Self), ends: impl FnOnce(&Self)) {
        lasts_long(self.store.clone(), || begins(self), || ends(self)).await;
    }

    async fn lasts_shortly(&self, begins: impl FnOnce(&Self), ends: impl FnOnce(&Self)) {
        lasts_shortly(self.store.clone(), || begins(self), || ends(self)).await;
    }
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
    is_over(&*outage.store).await;
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
    is_over(&*outage.store).await;
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
