//! What each operation costs on PostgreSQL, by the server's own log.

use std::time::Duration;

use session_core::{
    Created, EventSettings, Expiry, Load, Principals, Renewed, Saved, Select, SessionStore, SignIn, SignedIn,
    StoredId, Swapped, Sweep as _, Taken,
};
use session_sql::{SqlStore, SqlStoreBuilder};
use session_testkit::PostgresServer;

use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting};

struct Costs {
    server: PostgresServer,
    store: SqlStore,
}

impl Costs {
    /// A store with one connection, whose statements are prepared.
    async fn start() -> Self {
        Self::start_with(|builder| builder).await
    }

    async fn start_with(setting: impl FnOnce(SqlStoreBuilder) -> SqlStoreBuilder) -> Self {
        let server = PostgresServer::start_with(&["log_statement=all", "fsync=off"]);
        let database = server.database();
        let builder = SqlStore::builder(server.url(&database)).budget(Duration::from_secs(20));
        let store = setting(builder.max_connections(1)).connect().await.unwrap();
        Self { server, store }
    }

    /// The statements that the server executed for one operation, and the answer.
    async fn of<T>(&self, operation: impl Future<Output = session_core::Result<T>>) -> (T, Vec<String>) {
        let before = self.server.log().len();
        let answer = operation.await.unwrap();
        // What the server answers after, it has logged before.
        let log = self.server.log();
        let lines = log[before..].lines().filter(|line| line.contains("LOG:  "));
        let statements = lines.filter_map(|line| line.split("LOG:  ").nth(1)).map(ToOwned::to_owned);
        (answer, statements.collect())
    }

    /// The answer of an operation that must be one statement, outside of a transaction.
    async fn one<T>(&self, operation: impl Future<Output = session_core::Result<T>>) -> T {
        let (answer, statements) = self.of(operation).await;
        assert_eq!(statements.len(), 1, "{statements:#?}");
        assert!(statements[0].starts_with("execute "), "{statements:#?}");
        answer
    }
}

#[tokio::test]
async fn every_operation_is_one_statement() {
    let costs = Costs::start().await;
    let store = &costs.store;
    let id = id();
    assert_eq!(costs.one(store.create(&id, &counting(), NOW)).await, Created::Created);
    for select in [Select::All, Select::Only(&["n"]), Select::Metadata] {
        assert!(matches!(costs.one(store.load(&id, select, NOW)).await, Load::Live { .. }));
    }
    costs.one(store.touch(&id, NOW)).await;
    let mut change = setting("a", "1");
    assert_eq!(costs.one(store.save(&id, &change, NOW)).await, Saved::Applied);
    change.touch = true;
    change.idle = Some(Some(Duration::from_secs(60)));
    change.remove("n");
    assert_eq!(costs.one(store.save(&id, &change, NOW)).await, Saved::Applied);
    assert_eq!(costs.one(store.take(&id, "a", NOW)).await, Taken::Value("1".into()));
    for (old, new) in [(None, Some("1")), (Some("1"), Some("2")), (Some("2"), None), (None, None)] {
        let [old, new] = [old, new].map(|value: Option<&str>| value.map(str::as_bytes));
        assert_eq!(costs.one(store.replace_if(&id, "c", old, new, NOW)).await, Swapped::Applied);
    }
    let renewal = store.capabilities().renewal.unwrap();
    assert_eq!(costs.one(renewal.renew(&id, &digest(), NOW)).await, Renewed::Issued);
    let new = digest();
    assert_eq!(costs.one(store.rotate(&id, &new, &setting("d", "1"), NOW)).await, Saved::Applied);
    let id = StoredId::new(*id.handle(), new);
    assert_eq!(costs.one(store.delete(&id, op(), NOW)).await, Saved::Applied);
    costs.one(store.end(id.handle(), op())).await;
    costs.one(store.end(crate::support::id().handle(), op())).await;
}

#[tokio::test]
async fn what_is_not_there_costs_a_read_one_statement_and_a_write_two() {
    let costs = Costs::start().await;
    let ended = costs.store.begin().await;
    costs.store.delete(&ended, op(), NOW).await.unwrap();
    for (id, load, saved) in [(id(), Load::Absent, Saved::Absent), (ended, Load::Gone, Saved::Gone)] {
        assert_eq!(costs.one(costs.store.load(&id, Select::All, NOW)).await, load);
        let (answer, statements) = costs.of(costs.store.save(&id, &setting("a", "1"), NOW)).await;
        assert_eq!((answer, statements.len()), (saved, 2));
    }
}

#[tokio::test]
async fn showing_a_candidate_costs_one_statement_more_and_only_once() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let new = digest();
    costs.store.capabilities().renewal.unwrap().renew(&id, &new, NOW).await.unwrap();
    let renewed = StoredId::new(*id.handle(), new);
    for expected in [2, 1] {
        let (found, statements) = costs.of(costs.store.load(&renewed, Select::All, NOW)).await;
        assert!(matches!(found, Load::Live { .. }));
        assert_eq!(statements.len(), expected, "{statements:#?}");
    }
}

#[tokio::test]
async fn a_sign_in_is_one_short_transaction() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let expiry = counting().expiry;
    let sign_in = SignIn::new("ada".into(), digest(), expiry, setting("a", "1"), op());
    let (answer, statements) = costs.of(costs.store.sign_in(&id, &sign_in, NOW)).await;
    assert_eq!(answer, SignedIn::Applied);
    // A statement that took long, because of a lock or of a busy machine, has the time asked once more.
    let times = statements.iter().filter(|statement| statement.contains(": SELECT floor(")).count();
    assert!(times <= 2 && statements.len() - times <= 8, "{statements:#?}");
    assert!(statements[0].contains("BEGIN") && statements.last().unwrap().contains("COMMIT"));
    let (count, statements) = costs.of(costs.store.count(&"ada".into())).await;
    assert_eq!((count, statements.len()), (1, 2));
}

#[tokio::test]
async fn a_sweep_is_one_short_transaction_however_many_it_removes() {
    let costs = Costs::start().await;
    let brief = session_core::NewRecord::new(session_core::Expiry::idle(Duration::from_millis(1)).unwrap());
    for _ in 0..60 {
        costs.store.create(&id(), &brief, NOW).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (swept, statements) = costs.of(costs.store.sweep(60)).await;
    assert_eq!(swept, 60);
    assert_eq!(
        statements.len(),
        6,
        "BEGIN, the time, the look, attributes, sessions, COMMIT: {statements:#?}"
    );
}

#[tokio::test]
async fn every_look_goes_by_an_index() {
    let costs = Costs::start().await;
    let database = "test_0";
    costs.server.query(
        database,
        "INSERT INTO http_session (locator, namespace, digest, created_at, last_accessed, expires_at, renewed_at,
            principal, principal_key, signed_in_at)
         SELECT sha256(i::text::bytea), 'session', '\\x00', 1, 1, 253402300799999, 1, 'ada',
            substring(sha256((i % 1000)::text::bytea) for 16), 1
         FROM generate_series(1, 20000) AS i;
         INSERT INTO http_session_attribute SELECT locator, 'n', '0' FROM http_session;
         INSERT INTO http_session_principal SELECT sha256(i::text::bytea), NULL, 253402300799999
         FROM generate_series(1, 5000) AS i;
         ANALYZE;",
    );
    // The plans of a new connection, each written to the log.
    costs.server.query(database, "ALTER DATABASE test_0 SET session_preload_libraries = 'auto_explain'");
    costs.server.query(database, "ALTER DATABASE test_0 SET auto_explain.log_min_duration = 0");
    costs.server.query(database, "ALTER DATABASE test_0 SET auto_explain.log_nested_statements = on");
    let builder = SqlStore::builder(costs.server.url(database)).max_connections(1);
    let store = builder.connect().await.unwrap();
    let before = costs.server.log().len();
    for _ in 0..7 {
        store.live_through().await;
    }
    let id = store.begin().await;
    for _ in 0..7 {
        // What waits for the only connection goes together.
        let (new, begun) = (counting(), [crate::support::id(), crate::support::id()]);
        let (touched, ..) = tokio::join!(
            store.touch(&id, NOW),
            store.load(&id, Select::All, NOW),
            store.load(&id, Select::Only(&["n"]), NOW),
            store.create(&begun[0], &new, NOW),
            store.create(&begun[1], &new, NOW),
        );
        touched.unwrap();
    }
    assert!(costs.server.log()[before..].contains("unnest"), "some have gone together");
    store.take(&id, "n", NOW).await.unwrap();
    store.replace_if(&id, "n", None, Some(b"1"), NOW).await.unwrap();
    store.replace_if(&id, "n", Some(b"1"), Some(b"2"), NOW).await.unwrap();
    store.end(id.handle(), op()).await.unwrap();
    let id = store.begin().await;
    let limit = session_core::SessionLimit::evict_oldest(1).unwrap();
    let sign_in = SignIn::new("ada".into(), digest(), counting().expiry, setting("a", "1"), op());
    store.sign_in(&id, &sign_in.with_limit(limit), NOW).await.unwrap();
    Principals::find(&store, &"ada".into(), Select::All, &session_core::Page::first(10)).await.unwrap();
    store.count(&"ada".into()).await.unwrap();
    store.revoke(&"ada".into(), &session_core::Revocation::new(op(), Duration::ZERO)).await.unwrap();
    store.sweep(10).await.unwrap();
    let log = costs.server.log();
    let plans = &log[before..];
    assert!(plans.matches("Index").count() > 30, "{plans}");
    let tables = ["", "_attribute", "_principal"];
    for table in tables.map(|suffix| format!("http_session{suffix}")) {
        assert!(!plans.contains(&format!("Seq Scan on {table} ")), "{table}: {plans}");
    }
}

/// A sweep of a thousand has to fit into a budget, however far the server is.
#[tokio::test]
async fn a_sweep_that_tells_of_hundreds_takes_few_statements() {
    let costs = Costs::start_with(|builder| builder.events(EventSettings::new().attributes(["n"]))).await;
    let mut new = counting();
    new.expiry = Expiry::idle(Duration::from_millis(1)).unwrap();
    for _ in 0..256 {
        costs.store.create(&id(), &new, NOW).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (swept, statements) = costs.of(costs.store.sweep(256)).await;
    assert_eq!(swept, 256);
    assert!(statements.len() < 30, "{}", statements.len());
}
