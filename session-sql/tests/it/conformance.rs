use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{EventSettings, SessionStore};
use session_sql::{SqlStore, SqlStoreBuilder};
use session_testkit::{
    Harness, ManualClock, MariaDbServer, PostgresServer, async_trait, races, store_conformance,
};
use tempfile::TempDir;

use crate::support::move_back;

/// A database of its own for each case, on a server that the cases share.
#[async_trait]
trait Server: Send + Sync + 'static {
    fn database(&self) -> String;
    fn url(&self, database: &str) -> String;
    fn query(&self, database: &str, sql: &str) -> String;
    const FEWER_RACES: usize;
}

#[async_trait]
impl Server for PostgresServer {
    fn database(&self) -> String {
        Self::database(self)
    }

    fn url(&self, database: &str) -> String {
        Self::url(self, database)
    }

    fn query(&self, database: &str, sql: &str) -> String {
        Self::query(self, database, sql)
    }

    const FEWER_RACES: usize = 5;
}

#[async_trait]
impl Server for MariaDbServer {
    fn database(&self) -> String {
        Self::database(self)
    }

    fn url(&self, database: &str) -> String {
        Self::url(self, database)
    }

    fn query(&self, database: &str, sql: &str) -> String {
        Self::query(self, &format!("USE {database}; {sql}"))
    }

    const FEWER_RACES: usize = 25;
}

/// Two nodes, taken in turns. Time is the server's: short waits are waited, for long ones all that is stored is moved
/// back.
struct OnServer<S> {
    server: Arc<S>,
    database: String,
    nodes: [Arc<SqlStore>; 2],
    turn: AtomicUsize,
    fewer_races: usize,
}

impl<S: Server> OnServer<S> {
    async fn start(server: Arc<S>) -> Self {
        Self::set(server, |builder| builder).await
    }

    /// Each node has one connection, for which everything waits.
    async fn crowded(server: Arc<S>) -> Self {
        let crowded = Self::set(server, |builder| builder.max_connections(1)).await;
        Self { fewer_races: 5 * S::FEWER_RACES, ..crowded }
    }

    async fn set(server: Arc<S>, set: impl Fn(SqlStoreBuilder) -> SqlStoreBuilder) -> Self {
        let database = server.database();
        let url = server.url(&database);
        let nodes = [node(set(builder(url.clone()))).await, node(set(builder(url))).await];
        Self { server, database, nodes, turn: AtomicUsize::new(0), fewer_races: S::FEWER_RACES }
    }
}

/// The cases are not about the budget: a busy machine must not use it up.
fn builder(url: String) -> SqlStoreBuilder {
    SqlStore::builder(url).budget(Duration::from_secs(20))
}

async fn node(builder: SqlStoreBuilder) -> Arc<SqlStore> {
    Arc::new(builder.connect().await.unwrap())
}

#[async_trait]
impl<S: Server> Harness for OnServer<S> {
    fn store(&self) -> Arc<dyn SessionStore> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.nodes[turn % self.nodes.len()]) as Arc<dyn SessionStore>
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn skip(&self, by: Duration) {
        self.server.query(&self.database, &move_back("http_session", by));
    }

    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        Some(node(builder(self.server.url(&self.database)).events(settings.clone())).await)
    }

    async fn leftovers(&self) -> usize {
        self.server.query(&self.database, LEFTOVERS).parse().unwrap()
    }

    fn repetitions(&self) -> usize {
        races() / self.fewer_races
    }
}

/// A session with its attributes is one entry, as long as it is there.
const LEFTOVERS: &str = "SELECT (SELECT count(*) FROM http_session)
    + (SELECT count(*) FROM http_session_attribute WHERE session NOT IN (SELECT locator FROM http_session))
    + (SELECT count(*) FROM http_session_principal)";

/// SQLite, in a file that two nodes share, or in memory. Time is ours.
struct Sqlite {
    url: String,
    nodes: Vec<Arc<SqlStore>>,
    reader: sqlx::SqlitePool,
    turn: AtomicUsize,
    clock: ManualClock,
    _folder: Option<TempDir>,
}

impl Sqlite {
    async fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("sessions.db").display());
        let clock = ManualClock::new();
        let mut nodes = Vec::new();
        for _ in 0..2 {
            nodes.push(node(builder(url.clone()).clock(clock.clone())).await);
        }
        let reader = sqlx::SqlitePool::connect(&url).await.unwrap();
        Self { url, nodes, reader, turn: AtomicUsize::new(0), clock, _folder: Some(folder) }
    }

    /// The name lets the reader find the same memory.
    async fn memory() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = COUNT.fetch_add(1, Ordering::Relaxed);
        let url = format!("sqlite://file:conformance-{name}?mode=memory&cache=shared");
        let clock = ManualClock::new();
        let node = node(builder(url.clone()).clock(clock.clone())).await;
        let reader = sqlx::SqlitePool::connect(&url).await.unwrap();
        Self { url, nodes: vec![node], reader, turn: AtomicUsize::new(0), clock, _folder: None }
    }
}

#[async_trait]
impl Harness for Sqlite {
    fn store(&self) -> Arc<dyn SessionStore> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.nodes[turn % self.nodes.len()]) as Arc<dyn SessionStore>
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        Some(node(builder(self.url.clone()).clock(self.clock.clone()).events(settings.clone())).await)
    }

    async fn leftovers(&self) -> usize {
        let left: i64 = sqlx::query_scalar(LEFTOVERS).fetch_one(&self.reader).await.unwrap();
        usize::try_from(left).unwrap()
    }

    fn repetitions(&self) -> usize {
        races() / 5
    }
}

store_conformance!(postgres, OnServer::start(PostgresServer::shared()).await);
store_conformance!(postgres_crowded, OnServer::crowded(PostgresServer::shared()).await);
store_conformance!(mariadb, OnServer::start(MariaDbServer::shared()).await);
store_conformance!(sqlite_file, Sqlite::file().await);
store_conformance!(sqlite_memory, Sqlite::memory().await);
