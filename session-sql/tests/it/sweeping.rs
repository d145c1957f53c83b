//! What one sweep does beyond the contract: for how many, in how many statements, and for whom.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delivery, EventKind, EventSettings, Events as _, Expiry, NewRecord, SessionStore as _, Sweep as _,
    sweep_all,
};
use session_sql::{SqlStore, SqlStoreBuilder};
use session_testkit::{MariaDbServer, PostgresServer};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{NOW, StoreExt as _, id};

/// A database of each kind.
struct Databases {
    _folder: TempDir,
    _servers: (Arc<PostgresServer>, Arc<MariaDbServer>),
    urls: [String; 3],
}

impl Databases {
    fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = format!("sqlite://{}", folder.path().join("sessions.db").display());
        let (postgres, mariadb) = (PostgresServer::shared(), MariaDbServer::shared());
        let urls = [sqlite, postgres.url(&postgres.database()), mariadb.url(&mariadb.database())];
        Self { _folder: folder, _servers: (postgres, mariadb), urls }
    }
}

fn builder(url: &str) -> SqlStoreBuilder {
    SqlStore::builder(url).budget(Duration::from_secs(20))
}

/// Begins a session that has expired by the time that this returns.
async fn expire(store: &SqlStore) {
    let mut new = NewRecord::new(Expiry::idle(Duration::from_millis(1)).unwrap());
    new.attributes.insert("cart".into(), "3".into());
    store.create(&id(), &new, NOW).await.unwrap();
    sleep(Duration::from_millis(5)).await;
}

/// Another application's nodes do not know what this one's want to hear.
#[tokio::test]
async fn what_expires_is_told_in_its_own_namespace_whoever_sweeps_first() {
    for url in &Databases::create().urls {
        let shop = builder(url).namespace("shop").events(EventSettings::new().attributes(["cart"]));
        let shop = shop.connect().await.unwrap();
        let blog = builder(url).namespace("blog").connect().await.unwrap();
        let wiki = builder(url).namespace("wiki").events(EventSettings::new()).connect().await.unwrap();
        let mut listener = shop.subscribe(&Delivery::EveryNode).await.unwrap();
        expire(&shop).await;
        listener.next(9).await.unwrap();

        for (other, swept) in [(&blog, 0), (&wiki, 0), (&shop, 1)] {
            assert_eq!(sweep_all(other).await.unwrap(), swept, "{url}");
        }
        let heard = listener.next(9).await.unwrap();
        assert_eq!(
            heard.iter().map(|told| told.event.kind).collect::<Vec<_>>(),
            [EventKind::Expired],
            "{url}"
        );
        assert_eq!(heard[0].event.attributes.len(), 1);
    }
}

/// Each event carries its own session's attributes and principal, in whatever part of a sweep it was told.
#[tokio::test]
async fn many_that_expire_at_once_are_told_each_with_its_own() {
    for url in &Databases::create().urls {
        let store = builder(url).events(EventSettings::new().attributes(["a", "large"]));
        let store = store.connect().await.unwrap();
        let mut listener = store.subscribe(&Delivery::EveryNode).await.unwrap();
        let mut handles = Vec::new();
        for number in 0..150_usize {
            let mut new = NewRecord::new(Expiry::idle(Duration::from_millis(1)).unwrap());
            if number % 3 > 0 {
                new.attributes.insert("a".into(), number.to_string().into());
                new.attributes.insert("not told".into(), "secret".into());
            }
            if number % 50 == 1 {
                new.attributes.insert("large".into(), vec![b'x'; 700_000].into());
            }
            let id = id();
            store.create(&id, &new, NOW).await.unwrap();
            handles.push(*id.handle());
        }
        sleep(Duration::from_millis(5)).await;
        assert_eq!(sweep_all(&store).await.unwrap(), 150);
        let heard = listener.next(1000).await.unwrap();
        let expired = heard.iter().map(|told| &told.event).filter(|event| event.kind == EventKind::Expired);
        let mut told = 0;
        for event in expired {
            let number = handles.iter().position(|handle| *handle == event.handle).unwrap();
            let a = event.attributes.get("a").map(|value| String::from_utf8(value.to_vec()).unwrap());
            assert_eq!(a, (number % 3 > 0).then(|| number.to_string()));
            assert_eq!(event.attributes.contains_key("large"), number % 50 == 1);
            assert!(!event.attributes.contains_key("not told"));
            told += 1;
        }
        assert_eq!(told, 150, "{url}");
    }
}

/// A busy hour leaves more than one step of them.
#[tokio::test]
async fn one_sweep_leaves_no_principal_that_is_outlived_and_no_event_too_many() {
    let Databases { urls: [url, ..], _folder, .. } = &Databases::create();
    let store = builder(url).events(EventSettings::new().capacity(100)).connect().await.unwrap();
    store.begin().await;
    let pool = sqlx::SqlitePool::connect(url).await.unwrap();
    let many = |count: u32| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
    };
    for insert in [
        format!(
            "{} INSERT INTO http_session_principal (principal_key, expires_at) SELECT randomblob(16), 1 FROM n",
            many(2500)
        ),
        format!(
            "{} INSERT INTO http_session_event (namespace, kind, locator, attributes, happened_at)
             SELECT 'session', 'created', randomblob(16), x'', 1 FROM n",
            many(25_000)
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&pool).await.unwrap();
    }
    assert_eq!(store.sweep(1000).await.unwrap(), 0);
    let left =
        "SELECT (SELECT count(*) FROM http_session_principal), (SELECT count(*) FROM http_session_event)";
    let left: (i64, i64) = sqlx::query_as(left).fetch_one(&pool).await.unwrap();
    assert_eq!(left, (0, 100));
}
