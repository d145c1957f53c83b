//! What one sweep does beyond the contract: for how many, in how many statements, and for whom.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Delivery, EventKind, EventSettings, Events as _, Expiry, NewRecord, SessionStore as _, sweep_all,
};
use session_sql::{SqlStore, SqlStoreBuilder};
use session_testkit::{MariaDbServer, PostgresServer};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::support::{NOW, id};

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
