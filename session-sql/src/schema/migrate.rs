use std::time::Duration;

use session_core::{Error, ErrorKind, Result};
use sqlx::{AssertSqlSafe, SqlSafeStr as _};

use super::catalogue::{Found, look};
use super::{Kind, Migrate, STEPS, statements};
use crate::backoff::Backoff;
use crate::dialect::Tables;
use crate::driver::{Arg, Driver};
use crate::error::Failure;
use crate::pool::Connections;

/// How long all of it may take, with the wait for others that do the same.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees to it that the tables are there, as far as the setting says.
pub(crate) async fn prepare<D: Driver>(
    connections: &Connections<D>,
    kind: Kind,
    tables: &Tables,
    migrate: Migrate,
) -> Result<()> {
    if migrate == Migrate::Never {
        return Ok(());
    }
    let work = async {
        let mut backoff = Backoff::new();
        loop {
            match prepare_once(connections, kind, tables, migrate).await {
                Err(Failure::Contended(_)) => backoff.wait().await,
                // One of those who open a new file at once makes it keep a log; SQLite has the others not wait for that.
                Err(Failure::Unsent(_)) if kind == Kind::Sqlite => backoff.wait().await,
                outcome => return outcome,
            }
        }
    };
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(outcome) => outcome.map_err(Failure::into_error),
        Err(_) => Err(Error::new(
            ErrorKind::Timeout,
            "the tables for sessions could not be brought up to date within a minute",
        )),
    }
}

async fn prepare_once<D: Driver>(
    connections: &Connections<D>,
    kind: Kind,
    tables: &Tables,
    migrate: Migrate,
) -> Result<(), Failure> {
    let mut lease = connections.lease().await?;
    let outcome = prepare_on::<D>(lease.connection()?, kind, tables, migrate).await;
    lease.settle(outcome).await
}

async fn prepare_on<D: Driver>(
    connection: &mut D::Connection,
    kind: Kind,
    tables: &Tables,
    migrate: Migrate,
) -> Result<(), Failure> {
    let found = look::<D>(connection, kind, tables).await?;
    if found.is_newer() {
        return Err(Failure::Refused(newer(&found)));
    }
    if found.is_complete() {
        return Ok(());
    }
    if migrate == Migrate::Check {
        return Err(Failure::Refused(incomplete(&found)));
    }
    begin::<D>(connection, kind).await?;
    let outcome = take_steps::<D>(connection, kind, tables).await;
    finish::<D>(connection, kind, outcome.is_ok()).await?;
    outcome.map_err(|failure| explained(failure, &found))
}

/// What another process has done meanwhile is not done again.
async fn take_steps<D: Driver>(
    connection: &mut D::Connection,
    kind: Kind,
    tables: &Tables,
) -> Result<(), Failure> {
    let found = look::<D>(connection, kind, tables).await?;
    if found.is_newer() {
        return Err(Failure::Refused(newer(&found)));
    }
    if found.is_complete() {
        return Ok(());
    }
    let script = statements(kind, tables, found.version);
    D::script(connection, AssertSqlSafe(script).into_sql_str()).await?;
    let found = look::<D>(connection, kind, tables).await?;
    if found.is_complete() { Ok(()) } else { Err(Failure::Refused(incomplete(&found))) }
}

/// One process at a time.
async fn begin<D: Driver>(connection: &mut D::Connection, kind: Kind) -> Result<(), Failure> {
    let sql = match kind {
        // "sess" in ASCII. The statements are one transaction, which releases the lock.
        Kind::Postgres => "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(1936028531)",
        Kind::Sqlite => "BEGIN EXCLUSIVE",
        Kind::MySql => {
            let sql = "SELECT GET_LOCK('http_session_schema', ?)".into_sql_str();
            let locked = D::row(connection, &sql, &[Arg::Int(50)]).await?;
            let locked = locked.map(|row| D::int(&row, 0)).transpose()?.flatten();
            return match locked {
                Some(1) => Ok(()),
                Some(_) | None => Err(Failure::Refused(Error::new(
                    ErrorKind::Timeout,
                    "another process has been changing the tables for sessions for too long",
                ))),
            };
        }
    };
    Ok(D::script(connection, sql.into_sql_str()).await?)
}

async fn finish<D: Driver>(
    connection: &mut D::Connection,
    kind: Kind,
    succeeded: bool,
) -> Result<(), Failure> {
    let sql = match (kind, succeeded) {
        (Kind::MySql, _) => "DO RELEASE_LOCK('http_session_schema')",
        (Kind::Postgres | Kind::Sqlite, true) => "COMMIT",
        (Kind::Postgres | Kind::Sqlite, false) => "ROLLBACK",
    };
    Ok(D::script(connection, sql.into_sql_str()).await?)
}

fn newer(found: &Found) -> Error {
    Error::new(
        ErrorKind::Config,
        format!(
            "the tables for sessions are of version {}, and this program knows them up to version {}: it is older \
             than what has changed them",
            found.version,
            STEPS.len()
        ),
    )
}

fn incomplete(found: &Found) -> Error {
    let what = if found.missing.is_empty() {
        format!("they are of version {}, not {}", found.version, STEPS.len())
    } else {
        format!("missing: {}", found.missing.join(", "))
    };
    Error::new(
        ErrorKind::Config,
        format!(
            "the database does not have the tables for sessions as they must be ({what}): start with migrate = auto \
             once, or run the statements that SqlStoreBuilder::ddl returns"
        ),
    )
}

fn explained(failure: Failure, found: &Found) -> Failure {
    match failure {
        Failure::Refused(error) if error.kind() == ErrorKind::Config && !found.is_newer() => {
            let message = format!("{}; creating them failed: {error}", incomplete(found));
            Failure::Refused(Error::new(ErrorKind::Config, message))
        }
        failure => failure,
    }
}
