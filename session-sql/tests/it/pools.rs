//! The application's own pools, and what its connections may be set to.

use std::sync::Arc;
use std::time::Duration;

use session_core::{sweep_all, sweep_regularly};
use session_sql::{Source, SqlStore};
use session_testkit::{ManualClock, MariaDbServer, PostgresServer};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use crate::support::StoreExt as _;

/// Several sessions at once behind a pool with fewer connections.
async fn serves(pool: impl Into<Source>) {
    let store = SqlStore::builder(pool).budget(Duration::from_secs(20)).connect().await.unwrap();
    let store = std::sync::Arc::new(store);
    let lives = (0..30).map(|_| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move { store.live_through().await })
    });
    for life in lives.collect::<Vec<_>>() {
        life.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_pool_of_the_application_serves() {
    let server = PostgresServer::shared();
    let options = PgPoolOptions::new().max_connections(3).test_before_acquire(false);
    let pool = options.connect(&server.url(&server.database())).await.unwrap();
    serves(pool.clone()).await;
    assert_eq!(pool.acquire().await.map(drop).ok(), Some(()), "it is still the application's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_pool_of_the_application_serves() {
    let server = MariaDbServer::shared();
    let options = MySqlPoolOptions::new().max_connections(3);
    serves(options.connect(&server.url(&server.database())).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_pool_of_the_application_serves() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("app.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options.clone()).await.unwrap();
    serves(pool.clone()).await;
    // The journal can change when nobody else has the file open.
    pool.close().await;
    // Whatever an application has turned off.
    let options = options.journal_mode(SqliteJournalMode::Delete).foreign_keys(false);
    serves(SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()).await;
}

#[tokio::test]
async fn a_database_in_memory_lasts_as_long_as_the_store() {
    let store = SqlStore::connect("sqlite::memory:").await.unwrap();
    let id = store.begin().await;
    for _ in 0..10 {
        store.live_through().await;
    }
    assert_eq!(store.value(&id, "n").await.as_deref(), Some("0"));
    let other = SqlStore::connect("sqlite::memory:").await.unwrap();
    assert_eq!(other.find(&id).await, None, "it is a database of its own");
}

/// Without the facade, which does the same for a manager.
#[tokio::test]
async fn a_store_by_itself_is_swept_as_long_as_it_is_there() {
    let clock = ManualClock::new();
    let builder = SqlStore::builder("sqlite::memory:").clock(clock.clone());
    let store = Arc::new(builder.connect().await.unwrap());
    let every = Duration::from_millis(20);
    let swept = Arc::downgrade(&store);
    let sweeping = tokio::spawn(sweep_regularly(swept, every, tokio::time::sleep, |error| panic!("{error}")));
    store.begin().await;
    clock.advance(Duration::from_secs(2 * 3600));
    // It is removed by somebody else than this.
    while sweep_all(&*store).await.unwrap() > 0 {
        store.begin().await;
        clock.advance(Duration::from_secs(2 * 3600));
        tokio::time::sleep(10 * every).await;
    }
    drop(store);
    sweeping.await.unwrap();
}
