//! How the tables come about.

use std::process::{Command, Stdio};
use std::time::Duration;

use session_core::{Error, ErrorKind};
use session_sql::{Migrate, SqlStore};
use session_testkit::{MariaDbServer, PostgresServer};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::time::sleep;

use crate::support::StoreExt as _;

/// Says to a process that this test has started where the database is.
const DATABASE: &str = "SESSION_TEST_DATABASE";

/// Ten processes start in the same moment on a database without tables: this test itself, ten times more.
async fn ten_processes(test: &str, url: impl FnOnce() -> String) {
    if let Ok(url) = std::env::var(DATABASE) {
        // Until all have been started.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        let builder = SqlStore::builder(url).max_connections(1).budget(Duration::from_secs(20));
        builder.connect().await.unwrap().live_through().await;
        return;
    }
    let (program, url) = (std::env::current_exe().unwrap(), url());
    let start = |_| {
        let mut process = Command::new(&program);
        process.args(["--exact", &format!("migrations::{test}"), "--nocapture"]).env(DATABASE, &url);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut processes: Vec<_> = (0..10).map(start).collect();
    for process in &mut processes {
        drop(process.stdin.take());
    }
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("1 passed"), "{said}");
    }
    // The schema is whole, and there once.
    SqlStore::builder(url).migrate(Migrate::Check).connect().await.unwrap().live_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_create_the_tables_at_once_in_postgresql() {
    let test = "ten_processes_create_the_tables_at_once_in_postgresql";
    let mut made = None;
    ten_processes(test, || {
        let server = PostgresServer::shared();
        let database = server.database();
        let url = server.url(&database);
        made = Some((server, database));
        url
    })
    .await;
    if let Some((server, database)) = made {
        assert_eq!(server.query(&database, "SELECT version FROM http_session_schema"), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_create_the_tables_at_once_in_mariadb() {
    let test = "ten_processes_create_the_tables_at_once_in_mariadb";
    let mut made = None;
    ten_processes(test, || {
        let server = MariaDbServer::shared();
        let database = server.database();
        let url = server.url(&database);
        made = Some((server, database));
        url
    })
    .await;
    if let Some((server, database)) = made {
        assert_eq!(server.query(&format!("SELECT version FROM {database}.http_session_schema")), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_processes_create_the_tables_at_once_in_a_sqlite_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = || format!("sqlite://{}", folder.path().join("sessions.db").display());
    ten_processes("ten_processes_create_the_tables_at_once_in_a_sqlite_file", url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_whoever_has_a_sqlite_file_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let url = format!("sqlite://{}", file.display());
    let start = tokio::spawn(async move { SqlStore::builder(url).connect().await });
    // Longer than SQLite waits by itself: a quarter of the budget.
    sleep(Duration::from_secs(1)).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    start.await.unwrap().unwrap().live_through().await;
}

async fn refusal(url: String, migrate: Migrate) -> Error {
    let error = SqlStore::builder(url).migrate(migrate).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    error
}

#[tokio::test]
async fn a_check_names_all_that_is_missing_and_changes_nothing() {
    let server = PostgresServer::shared();
    let database = server.database();
    let url = server.url(&database);
    let error = refusal(url.clone(), Migrate::Check).await.to_string();
    for table in ["http_session", "http_session_attribute", "http_session_schema"] {
        assert!(
            error.contains(&format!("the table {table},")) || error.contains(&format!("{table})")),
            "{error}"
        );
    }
    assert_eq!(
        server.query(&database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'http_session%'"),
        "0"
    );

    SqlStore::connect(url.clone()).await.unwrap();
    server.query(&database, "ALTER TABLE http_session DROP COLUMN idle, DROP COLUMN last_op");
    let error = refusal(url, Migrate::Check).await.to_string();
    assert!(
        error.contains("missing: the column idle of the table http_session, the column last_op"),
        "{error}"
    );
}

#[tokio::test]
async fn a_check_names_what_is_missing_in_the_other_databases() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("sessions.db").display());
    let server = MariaDbServer::shared();
    for url in [sqlite, server.url(&server.database())] {
        let error = refusal(url.clone(), Migrate::Check).await.to_string();
        assert!(
            error.contains("missing: the table http_session, the table http_session_attribute"),
            "{error}"
        );
        SqlStore::connect(url.clone()).await.unwrap();
        let builder = SqlStore::builder(url).migrate(Migrate::Check);
        builder.connect().await.unwrap().live_through().await;
    }
}

/// The URL of a user who may do everything with tables but make them.
fn without_ddl(server: &PostgresServer, database: &str) -> String {
    let user = format!("reader_{database}");
    server.query(
        database,
        &format!(
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE {user} LOGIN;
             ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {user};"
        ),
    );
    format!("postgres://{user}@127.0.0.1:{}/{database}", server.port())
}

#[tokio::test]
async fn a_user_who_may_not_change_the_schema_is_told_so_and_served_once_it_is_there() {
    let server = PostgresServer::shared();
    let database = server.database();
    let url = without_ddl(&server, &database);
    let error = refusal(url.clone(), Migrate::Auto).await.to_string();
    assert!(
        error.contains("missing: the table http_session") && error.contains("SqlStoreBuilder::ddl"),
        "{error}"
    );
    assert!(error.contains("permission denied for schema public"), "{error}");

    // What an administrator runs.
    let ddl = SqlStore::builder(url.clone()).ddl().unwrap();
    server.query(&database, &ddl);
    for migrate in [Migrate::Check, Migrate::Auto, Migrate::Never] {
        let store = SqlStore::builder(url.clone()).migrate(migrate).connect().await.unwrap();
        store.live_through().await;
    }
}

#[tokio::test]
async fn the_printed_statements_make_what_the_store_makes() {
    let server = MariaDbServer::shared();
    let database = server.database();
    let url = server.url(&database);
    let ddl = SqlStore::builder(url.clone()).ddl().unwrap();
    server.query(&format!("USE {database}; {ddl}"));
    SqlStore::builder(url).migrate(Migrate::Check).connect().await.unwrap().live_through().await;

    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
    let ddl = SqlStore::builder(pool.clone()).ddl().unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(ddl)).execute(&pool).await.unwrap();
    SqlStore::builder(pool).migrate(Migrate::Check).connect().await.unwrap().live_through().await;
}

#[tokio::test]
async fn tables_of_a_later_version_are_an_error_and_stay_as_they_are() {
    let server = PostgresServer::shared();
    let database = server.database();
    let url = server.url(&database);
    SqlStore::connect(url.clone()).await.unwrap();
    server.query(
        &database,
        "INSERT INTO http_session_schema VALUES (1000); ALTER TABLE http_session DROP COLUMN idle",
    );
    for migrate in [Migrate::Auto, Migrate::Check] {
        let error = refusal(url.clone(), migrate).await.to_string();
        assert!(
            error.contains("are of version 1000, and this program knows them up to version 1"),
            "{error}"
        );
    }
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'http_session'::regclass AND attname = 'idle'";
    assert_eq!(server.query(&database, columns), "0");
}

#[tokio::test]
async fn what_was_half_done_is_finished() {
    let server = MariaDbServer::shared();
    let database = server.database();
    let url = server.url(&database);
    SqlStore::connect(url.clone()).await.unwrap();
    // A node died between two statements: this database has no transactions for its schema.
    server.query(&format!("USE {database}; DROP TABLE http_session_claim; DELETE FROM http_session_schema"));
    SqlStore::connect(url.clone()).await.unwrap();
    SqlStore::builder(url).migrate(Migrate::Check).connect().await.unwrap().live_through().await;
}

#[tokio::test]
async fn tables_may_have_any_name_in_any_schema() {
    let server = PostgresServer::shared();
    let database = server.database();
    let url = server.url(&database);
    server.query(&database, "CREATE SCHEMA \"My Shop\"");
    for (schema, name) in [(None, "Select"), (Some("My Shop"), "order by; --"), (Some("My Shop"), "größe")]
    {
        let mut builder = SqlStore::builder(url.clone()).tables(name);
        if let Some(schema) = schema {
            builder = builder.schema(schema);
        }
        builder.connect().await.unwrap().live_through().await;
    }
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'My Shop'";
    assert_eq!(server.query(&database, tables), "14");

    let server = MariaDbServer::shared();
    let (database, other) = (server.database(), server.database());
    let builder = SqlStore::builder(server.url(&database)).schema(other.clone()).tables("order by");
    builder.connect().await.unwrap().live_through().await;
    assert_eq!(server.query(&format!("SELECT count(*) FROM {other}.`order by`")), "1");

    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("sessions.db").display());
    SqlStore::builder(url).tables("order by").connect().await.unwrap().live_through().await;
}

#[tokio::test]
async fn all_wrong_settings_are_told_at_once() {
    let builder = SqlStore::builder("sqlite::memory:").namespace("a b").tables("\"").max_connections(0);
    let error = builder.budget(Duration::ZERO).schema("").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string().split("; ").count(), 5, "{error}");
    let endless = SqlStore::builder("sqlite::memory:").budget(Duration::MAX).connect().await;
    assert!(endless.unwrap_err().to_string().contains("an hour"));
    let error = SqlStore::connect("oracle://localhost").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn no_password_is_in_an_error_or_a_debug() {
    let server = MariaDbServer::shared();
    let builder = SqlStore::builder(format!("mysql://session:hunter2@127.0.0.1:{}/test", server.port()));
    assert!(!format!("{builder:?}").contains("hunter2"));
    let error = builder.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("Access denied"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    for url in
        ["postgres://u:hunter2@[::1", "mysql://u:hunter2@h:port/x", "postgres://u:hunter2@h/x?sslmode=yes"]
    {
        let error = SqlStore::connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}: {error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
