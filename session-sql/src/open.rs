//! How a store comes to its connections.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, Error, ErrorKind, EventSettings, Result};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use crate::dialect::Tables;
use crate::driver::Driver;
use crate::engine::Engine;
use crate::pool::{Connections, Options};
use crate::schema::{self, Kind, Migrate};
use crate::source::{Place, Source};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::tls;

/// What the settings come to, once they have been checked.
pub(crate) struct Target {
    pub(crate) source: Source,
    pub(crate) kind: Kind,
    pub(crate) tables: Tables,
    pub(crate) namespace: String,
    pub(crate) budget: Duration,
    pub(crate) max_connections: usize,
    pub(crate) migrate: Migrate,
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(dead_code, reason = "the other databases have a clock of their own")
    )]
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Option<EventSettings>,
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "no other database can"))]
    pub(crate) notifies: bool,
}

pub(crate) async fn open(target: Target) -> Result<Arc<dyn Engine>> {
    match &target.source.0 {
        Place::Url(url) => match target.kind {
            #[cfg(feature = "postgres")]
            Kind::Postgres => {
                let connections = postgres_at(url, &target)?;
                let url = url.clone();
                postgres(connections, target).await.map_err(|error| tls::explained(error, &url))
            }
            #[cfg(feature = "mysql")]
            Kind::MySql => {
                let connections = mysql_at(url, &target)?;
                let url = url.clone();
                mysql(connections, target).await.map_err(|error| tls::explained(error, &url))
            }
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => {
                let (reads, writes) = sqlite_at(url, &target)?;
                sqlite(reads, writes, target).await
            }
            // The kind of a URL is one that is compiled in.
            #[allow(unreachable_patterns, reason = "with all features none is left")]
            _ => Err(Error::new(ErrorKind::Config, "the database of this URL is not compiled in")),
        },
        #[cfg(feature = "postgres")]
        Place::Postgres(pool) => postgres(Connections::given(pool.clone()), target).await,
        #[cfg(feature = "mysql")]
        Place::MySql(pool) => mysql(Connections::given(pool.clone()), target).await,
        #[cfg(feature = "sqlite")]
        Place::Sqlite(pool) => {
            let reads = Some(Connections::given(pool.clone()));
            sqlite(reads, Connections::given_in_turns(pool.clone()), target).await
        }
    }
}

#[cfg(feature = "postgres")]
fn postgres_at(url: &str, target: &Target) -> Result<Connections<sqlx::Postgres>> {
    use sqlx::postgres::{PgConnectOptions, PgSslMode};
    let options: PgConnectOptions = parse::<sqlx::Postgres>(url, POSTGRES_FORM)?;
    let asked = match options.get_ssl_mode() {
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => tls::Asked::Nothing,
        PgSslMode::Require => tls::Asked::Encryption,
        PgSslMode::VerifyCa | PgSslMode::VerifyFull => tls::Asked::Verification,
    };
    tls::check(asked, url, cfg!(feature = "tls"))?;
    // Whatever the server's defaults are. What the node no longer waits for is not to wait for locks, either.
    let setup = format!(
        "SET default_transaction_isolation = 'read committed'; SET statement_timeout = {}; {POSTGRES_PLANS}",
        target.budget.as_millis()
    );
    Ok(Connections::own(options, Some(AssertSqlSafe(setup).into_sql_str()), target.max_connections))
}

/// A session's few rows are found by index, also among few sessions: a bitmap of them, or a look at the whole table for
/// several sessions at once, costs more than it saves. So each statement has one plan, whatever its arguments, and is not
/// planned for each list. Nothing here is worth compiling.
#[cfg(feature = "postgres")]
const POSTGRES_PLANS: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off; \
    SET plan_cache_mode = force_generic_plan; SET jit = off";

#[cfg(feature = "postgres")]
async fn postgres(connections: Connections<sqlx::Postgres>, target: Target) -> Result<Arc<dyn Engine>> {
    use crate::engine::postgres::PostgresEngine;
    schema::prepare(&connections, target.kind, &target.tables, target.migrate).await?;
    let Target { tables, namespace, budget, events, notifies, .. } = target;
    let engine = PostgresEngine::new(connections, &tables, namespace, budget, events, notifies);
    Ok(Arc::new(engine))
}

#[cfg(feature = "mysql")]
fn mysql_at(url: &str, target: &Target) -> Result<Connections<sqlx::MySql>> {
    use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
    let options: MySqlConnectOptions = parse::<sqlx::MySql>(url, MYSQL_FORM)?;
    let asked = match options.get_ssl_mode() {
        MySqlSslMode::Disabled | MySqlSslMode::Preferred => tls::Asked::Nothing,
        MySqlSslMode::Required => tls::Asked::Encryption,
        MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity => tls::Asked::Verification,
    };
    tls::check(asked, url, cfg!(feature = "tls"))?;
    // What the node no longer waits for is not to wait for locks, either. In seconds, at least one.
    let setup = format!("SET SESSION innodb_lock_wait_timeout = {}", target.budget.as_secs().max(1));
    Ok(Connections::own(options, Some(AssertSqlSafe(setup).into_sql_str()), target.max_connections))
}

#[cfg(feature = "mysql")]
async fn mysql(connections: Connections<sqlx::MySql>, target: Target) -> Result<Arc<dyn Engine>> {
    use crate::dialect::transactional::Statements;
    use crate::engine::transactional::TransactionalEngine;
    schema::prepare(&connections, target.kind, &target.tables, target.migrate).await?;
    let Target { tables, namespace, events, .. } = target;
    let (statements, time) = (Statements::new(&tables), crate::time::Time::of_the_server());
    Ok(Arc::new(TransactionalEngine::new(None, Arc::new(connections), statements, time, namespace, events)))
}

/// Readers, and the one writer. A database in memory is one connection's own.
#[cfg(feature = "sqlite")]
type SqliteConnections = (Option<Connections<sqlx::Sqlite>>, Connections<sqlx::Sqlite>);

#[cfg(feature = "sqlite")]
fn sqlite_at(url: &str, target: &Target) -> Result<SqliteConnections> {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    let options: SqliteConnectOptions = parse::<sqlx::Sqlite>(url, SQLITE_FORM)?;
    // Longer waits for other processes are new attempts: SQLite's own wait holds a thread.
    let options = options.create_if_missing(true).foreign_keys(true).busy_timeout(target.budget / 4);
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Ok((None, Connections::own(options, None, 1)));
    }
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let reads = Connections::own(options.clone(), None, target.max_connections);
    Ok((Some(reads), Connections::own(options, None, 1)))
}

#[cfg(feature = "sqlite")]
async fn sqlite(
    reads: Option<Connections<sqlx::Sqlite>>,
    writes: Connections<sqlx::Sqlite>,
    target: Target,
) -> Result<Arc<dyn Engine>> {
    use crate::dialect::transactional::Statements;
    use crate::engine::transactional::TransactionalEngine;
    schema::prepare(&writes, target.kind, &target.tables, target.migrate).await?;
    let Target { tables, namespace, events, clock, .. } = target;
    let (statements, time) = (Statements::new(&tables), crate::time::Time::Own(clock));
    Ok(Arc::new(TransactionalEngine::new(reads, Arc::new(writes), statements, time, namespace, events)))
}

#[cfg(feature = "postgres")]
const POSTGRES_FORM: &str = "postgres://[user:password@]host[:port]/database[?sslmode=…]";
#[cfg(feature = "mysql")]
const MYSQL_FORM: &str = "mysql://[user:password@]host[:port]/database[?ssl-mode=…]";
#[cfg(feature = "sqlite")]
const SQLITE_FORM: &str = "sqlite://path or sqlite::memory:";

/// What is wrong with a URL is not repeated: it may be its password.
fn parse<D: Driver>(url: &str, form: &str) -> Result<Options<D>>
where
    Options<D>: FromStr,
{
    let wrong = || Error::new(ErrorKind::Config, format!("the store URL is not of the form {form}"));
    url.parse().map_err(|_| wrong())
}
