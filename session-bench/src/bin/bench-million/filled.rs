//! Tables with sessions in them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Digest, Handle, StoredId};
use session_sql::SqlStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr as _};

use crate::Result;

/// How many of them are asked for: more than a cache of the processor holds.
const ASKED_FOR: u64 = 20_000;

pub(crate) struct Filled {
    pub(crate) store: Arc<SqlStore>,
    pub(crate) tables: String,
    pub(crate) url: String,
    /// Some of the live sessions, in no order.
    pub(crate) ids: Arc<[StoredId]>,
}

impl Filled {
    pub(crate) async fn new(url: &str, tables: &str, sessions: u64) -> Result<Self> {
        let start = Instant::now();
        let store = Arc::new(SqlStore::builder(url).tables(tables).connect().await?);
        let mut filled = Self { store, tables: tables.to_owned(), url: url.to_owned(), ids: Arc::new([]) };
        filled.add(sessions, Duration::from_secs(86_400).as_millis().try_into()?).await?;
        let percent = 100.0_f64.min(100.0 * ASKED_FOR as f64 / sessions as f64);
        let mut connection = PgConnection::connect(url).await?;
        let some = format!("SELECT locator FROM {tables} TABLESAMPLE BERNOULLI ({percent})");
        let locators: Vec<Vec<u8>> =
            sqlx::query_scalar(AssertSqlSafe(some).into_sql_str()).fetch_all(&mut connection).await?;
        filled.ids = locators.into_iter().map(id).collect::<Result<_>>()?;
        eprintln!("{sessions} sessions filled in after {:.1} s", start.elapsed().as_secs_f64());
        Ok(filled)
    }

    /// Sessions of four attributes, every second one with a principal, that end in so many milliseconds. Their digests
    /// are their locators.
    pub(crate) async fn add(&self, sessions: u64, ends_in: i64) -> Result {
        let Self { tables, .. } = self;
        let sql = format!(
            "WITH n AS MATERIALIZED (
               SELECT i, uuid_send(gen_random_uuid()) AS locator,
                 floor(date_part('epoch', clock_timestamp()) * 1000)::bigint AS now
               FROM generate_series(1, {sessions}) AS i
             ), s AS (
               INSERT INTO {tables} (locator, namespace, digest, created_at, last_accessed, idle, expires_at,
                 renewed_at, principal, principal_key)
               SELECT locator, 'session', locator, now, now, 86400000, now + ({ends_in}), now,
                 CASE WHEN i % 2 = 0 THEN convert_to('user ' || i / 8, 'UTF8') END,
                 CASE WHEN i % 2 = 0 THEN substring(sha256(convert_to('user ' || i / 8, 'UTF8')) for 16) END
               FROM n
             )
             INSERT INTO {tables}_attribute (session, name, value)
             SELECT n.locator, a.name, convert_to('\"' || repeat('x', 60) || '\"', 'UTF8')
             FROM n, unnest(ARRAY['cart', 'csrf', 'lang', 'user']::bytea[]) AS a (name);"
        );
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql).into_sql_str()).execute(&mut connection).await?;
        // As autovacuum would leave it.
        for table in ["", "_attribute"] {
            let vacuum = format!("VACUUM ANALYZE {tables}{table}");
            sqlx::raw_sql(AssertSqlSafe(vacuum).into_sql_str()).execute(&mut connection).await?;
        }
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        Ok(())
    }
}

fn id(locator: Vec<u8>) -> Result<StoredId> {
    let bytes = <[u8; 16]>::try_from(locator).map_err(|_| "a locator has not 16 bytes")?;
    Ok(StoredId::new(Handle::from_bytes(bytes), Digest::from_bytes(bytes)))
}
