//! Hearing at once what other nodes have told, and hearing it all the same where nobody can say so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Delivered, Delivery, EventKind, EventSettings, Events as _, Subscription, Sweep as _};
use session_sql::{Source, SqlStore, SqlStoreBuilder};
use session_testkit::{MariaDbServer, PostgresServer};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgListener, PgPoolOptions};
use tokio::time::{sleep, timeout};

use crate::support::StoreExt as _;

const OFTEN: Duration = Duration::from_millis(50);
/// Nobody waits for that in a test.
const SELDOM: Duration = Duration::from_secs(60);
const AT_ONCE: Duration = Duration::from_secs(5);

fn telling(source: impl Into<Source>) -> SqlStoreBuilder {
    SqlStore::builder(source).events(EventSettings::new()).budget(Duration::from_secs(20))
}

/// What waits, as an application hears it: it asks, until it is empty-handed, and waits for so long or until it is
/// woken.
async fn hear(subscription: &mut dyn Subscription, every: Duration) -> Vec<Delivered> {
    loop {
        let delivered = subscription.next(32).await.unwrap();
        if !delivered.is_empty() {
            let receipts: Vec<_> = delivered.iter().map(|delivered| delivered.receipt.clone()).collect();
            subscription.acknowledge(&receipts).await.unwrap();
            return delivered;
        }
        let _ = timeout(every, subscription.woken()).await;
    }
}

/// A database of PostgreSQL, and who listens in it.
struct Database {
    server: Arc<PostgresServer>,
    name: String,
    url: String,
}

impl Database {
    fn create() -> Self {
        let server = PostgresServer::shared();
        let name = server.database();
        let url = server.url(&name);
        Self { server, name, url }
    }

    async fn node(&self) -> SqlStore {
        telling(self.url.clone()).connect().await.unwrap()
    }

    /// One that opens no connection later, but the one that listens.
    async fn node_that_is_connected(&self) -> SqlStore {
        let pool = PgPoolOptions::new().min_connections(4).max_connections(4);
        telling(pool.connect(&self.url).await.unwrap()).connect().await.unwrap()
    }

    fn of_those_who_listen(&self, what: &str) -> String {
        let who = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";
        self.server.query(&self.name, &format!("SELECT {what} {who}"))
    }

    async fn listening(&self, connections: usize) {
        let begun = Instant::now();
        while self.of_those_who_listen("count(*)") != connections.to_string() {
            assert!(begun.elapsed() < Duration::from_secs(20), "never {connections} listen");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_any_node_wakes_all_who_listen_at_once() {
    let database = Database::create();
    let (one, other) = (database.node().await, database.node().await);
    let mut each = one.subscribe(&Delivery::EveryNode).await.unwrap();
    let mut group = one.subscribe(&Delivery::one_of("mail")).await.unwrap();
    database.listening(1).await;
    for teller in [&other, &one, &other] {
        let hearing = async { tokio::join!(hear(&mut *each, SELDOM), hear(&mut *group, SELDOM)) };
        let (heard, ()) = tokio::join!(timeout(AT_ONCE, hearing), async {
            // They are waiting by then.
            sleep(Duration::from_millis(200)).await;
            teller.begin().await;
        });
        let (all, mail) = heard.expect("it is heard long before the next look");
        assert_eq!((all.len(), mail.len()), (1, 1));
        assert_eq!(all[0].event, mail[0].event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_notified_of_is_found_by_asking() {
    let database = Database::create();
    let listener = database.node().await;
    let silent = telling(database.url.clone()).notify(false).connect().await.unwrap();
    let mut each = listener.subscribe(&Delivery::EveryNode).await.unwrap();
    let mut none = silent.subscribe(&Delivery::EveryNode).await.unwrap();
    database.listening(1).await;
    each.next(32).await.unwrap();
    silent.begin().await;
    assert!(timeout(Duration::from_millis(500), each.woken()).await.is_err(), "it was notified");
    for subscription in [&mut each, &mut none] {
        assert_eq!(timeout(AT_ONCE, hear(&mut **subscription, OFTEN)).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_listened_is_replaced_and_missed_by_nobody() {
    let database = Database::create();
    let Database { server, name, .. } = &database;
    let (listener, teller) =
        (database.node_that_is_connected().await, database.node_that_is_connected().await);
    let mut each = listener.subscribe(&Delivery::EveryNode).await.unwrap();
    database.listening(1).await;

    let allow =
        |flag: bool| server.query("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {flag}"));
    teller.begin().await;
    assert_eq!(hear(&mut *each, OFTEN).await.len(), 1);
    let pid = database.of_those_who_listen("pid");
    allow(false);
    server.query("postgres", &format!("SELECT pg_terminate_backend({pid})"));
    for _ in 0..3 {
        teller.begin().await;
        assert_eq!(timeout(AT_ONCE, hear(&mut *each, OFTEN)).await.unwrap().len(), 1);
    }
    let connected = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    assert_eq!(server.query("postgres", &connected), "0", "it still listens");
    allow(true);

    database.listening(1).await;
    let heard = timeout(AT_ONCE, hear(&mut *each, SELDOM));
    let (heard, _) = tokio::join!(heard, teller.begin());
    assert_eq!(heard.expect("it listens again").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_listens_for_all_of_a_store_until_the_last_of_them_ends() {
    let database = Database::create();
    let node = database.node().await;
    database.listening(0).await;
    let mut subscriptions = Vec::new();
    for _ in 0..3 {
        subscriptions.push(node.subscribe(&Delivery::EveryNode).await.unwrap());
    }
    database.listening(1).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(database.of_those_who_listen("count(*)"), "1");
    subscriptions.truncate(1);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(database.of_those_who_listen("count(*)"), "1");
    subscriptions.clear();
    database.listening(0).await;
    let _again = node.subscribe(&Delivery::one_of("mail")).await.unwrap();
    database.listening(1).await;
}

/// The connection that listens is none of the pool's.
#[tokio::test]
async fn a_pool_of_one_connection_is_enough_to_listen_beside_it() {
    let database = Database::create();
    let pool = PgPoolOptions::new().max_connections(1).connect(&database.url).await.unwrap();
    let node = telling(pool).connect().await.unwrap();
    let mut each = node.subscribe(&Delivery::EveryNode).await.unwrap();
    database.listening(1).await;
    let (heard, ()) = tokio::join!(timeout(AT_ONCE, hear(&mut *each, SELDOM)), node.live_through());
    assert!(!heard.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_says_nothing_and_many_events_are_few_calls() {
    const EVENTS: usize = 200;
    let database = Database::create();
    let node = database.node().await;
    let _keeps_a_channel = node.subscribe(&Delivery::EveryNode).await.unwrap();
    database.listening(1).await;
    let quoted = database.of_those_who_listen("query");
    let channel = quoted.trim_start_matches("LISTEN ").trim_matches('"');
    let mut listener = PgListener::connect(&database.url).await.unwrap();
    listener.listen(channel).await.unwrap();

    let begun = Instant::now();
    let node = Arc::new(node);
    let tellers = (0..8).map(|_| {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            for _ in 0..EVENTS / 8 {
                node.begin().await;
            }
        })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.unwrap();
    }
    let most = begun.elapsed().as_millis() / 10 + 2;
    let mut calls = 0;
    while let Ok(call) = timeout(Duration::from_millis(300), listener.recv()).await {
        assert_eq!(call.unwrap().payload(), "");
        calls += 1;
    }
    assert!(calls > 0, "nobody was called");
    assert!(calls <= most, "{calls} calls in {} ms", begun.elapsed().as_millis());
}

/// Numbers are given before events are committed: the smaller one may come last.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_after_somebody_began_to_listen_is_heard_whatever_its_number() {
    let database = Database::create();
    let node = database.node().await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let mut slow = connection.begin().await.unwrap();
    let told = "INSERT INTO http_session_event (namespace, kind, locator, attributes, happened_at)
        VALUES ('session', 'rotated', decode(repeat('07', 16), 'hex'), '', 1)";
    sqlx::query(told).execute(&mut *slow).await.unwrap();
    node.begin().await;
    let mut each = node.subscribe(&Delivery::EveryNode).await.unwrap();
    let mut group = node.subscribe(&Delivery::one_of("mail")).await.unwrap();
    for subscription in [&mut each, &mut group] {
        assert_eq!(subscription.next(9).await.unwrap(), []);
    }
    slow.commit().await.unwrap();
    for subscription in [&mut each, &mut group] {
        let heard = subscription.next(9).await.unwrap();
        assert_eq!(heard.iter().map(|told| told.event.kind).collect::<Vec<_>>(), [EventKind::Rotated]);
        assert_eq!(subscription.next(9).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_notify_nobody_is_woken() {
    let server = MariaDbServer::shared();
    for url in [server.url(&server.database()), "sqlite::memory:".to_owned()] {
        let node = telling(url).connect().await.unwrap();
        let mut each = node.subscribe(&Delivery::EveryNode).await.unwrap();
        node.begin().await;
        assert!(timeout(Duration::from_millis(200), each.woken()).await.is_err());
        assert_eq!(hear(&mut *each, OFTEN).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_nobody_asks_for_is_forgotten_and_begins_anew() {
    let database = Database::create();
    let Database { server, name, .. } = &database;
    let node = database.node().await;
    let mut abandoned = node.subscribe(&Delivery::one_of("abandoned")).await.unwrap();
    let mut asked = node.subscribe(&Delivery::one_of("asked")).await.unwrap();
    node.begin().await;
    for group in [&mut abandoned, &mut asked] {
        assert_eq!(group.next(9).await.unwrap().len(), 1);
    }
    let count = |table: &str| server.query(name, &format!("SELECT count(*) FROM http_session_{table}"));
    let pass = |days: u64| {
        let millis = days * 24 * 3_600_000;
        server.query(name, &format!("UPDATE http_session_group SET used_at = used_at - {millis}"));
    };
    for days in [29, 2] {
        node.sweep(9).await.unwrap();
        assert_eq!((count("group"), count("claim")), ("2".to_owned(), "2".to_owned()));
        pass(days);
        asked.next(9).await.unwrap();
    }
    node.sweep(9).await.unwrap();
    assert_eq!((count("group"), count("claim")), ("1".to_owned(), "1".to_owned()));

    assert_eq!(abandoned.next(9).await.unwrap(), []);
    node.begin().await;
    assert_eq!(hear(&mut *abandoned, OFTEN).await.len(), 1, "it hears what happens from now on");
}
