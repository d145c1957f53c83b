use session_core::{Error, ErrorKind};
use sqlx::error::DatabaseError;

/// Why one attempt of an operation has failed, as far as it decides about another one.
pub(crate) enum Failure {
    /// There was no connection: nothing has been sent.
    Unsent(Error),
    /// Refused because of what others were doing at the same time: nothing has been applied.
    Contended(Error),
    /// The connection broke: whether the operation was applied is not known.
    Broken(Error),
    /// Refused, and it would be again: nothing has been applied.
    Refused(Error),
}

impl Failure {
    /// The failure of an attempt to connect.
    pub(crate) fn of_connecting(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Broken(error) => Self::Unsent(error),
            failure => failure,
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Unsent(error) | Self::Contended(error) | Self::Broken(error) | Self::Refused(error) => {
                error
            }
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => refused(&**refusal),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut => Self::Broken(broken(error)),
            // It is in a transaction that somebody has dropped, and could not be ended: see `Lease::settle`.
            sqlx::Error::InvalidSavePointStatement => Self::Unsent(broken(error)),
            sqlx::Error::Configuration(_) => {
                Self::Refused(Error::new(ErrorKind::Config, format!("the database cannot be used: {error}")))
            }
            // Neither ever holds a value of a row.
            _ => Self::Refused(Error::new(
                ErrorKind::Protocol,
                format!("the database answered what was not expected: {error}"),
            )),
        }
    }
}

fn broken(source: sqlx::Error) -> Error {
    let text = match &source {
        sqlx::Error::PoolTimedOut => "no connection to the database became free in time",
        sqlx::Error::PoolClosed => "the pool of connections to the database was closed",
        sqlx::Error::Tls(_) => "no TLS connection to the database came about",
        _ => "the connection to the database broke off",
    };
    Error::new(ErrorKind::Unavailable, text).with_source(source)
}

/// What the database has refused. Its own words are left out where they may repeat what was to be stored.
fn refused(refusal: &dyn DatabaseError) -> Failure {
    let code = refusal.code().unwrap_or_default();
    match class(refusal, &code) {
        Class::Contended => Failure::Contended(Error::new(
            ErrorKind::Unavailable,
            format!("the database could not apply a change beside those of others ({code})"),
        )),
        Class::Broken => Failure::Broken(Error::new(
            ErrorKind::Unavailable,
            format!("the database has closed the connection ({code})"),
        )),
        Class::Slow => Failure::Broken(timeout()),
        Class::ReadOnly => Failure::Refused(Error::new(
            ErrorKind::ReadOnly,
            format!("the database takes no writes ({code}): point the store's URL at the primary"),
        )),
        Class::Full => Failure::Refused(Error::new(
            ErrorKind::Unavailable,
            format!("the database has no room left ({code})"),
        )),
        Class::Busy => Failure::Unsent(Error::new(
            ErrorKind::Unavailable,
            format!("the database takes no connections now ({code}): {}", refusal.message()),
        )),
        Class::Forbidden => Failure::Refused(Error::new(
            ErrorKind::Config,
            format!("the database refuses what sessions need ({code}): {}", refusal.message()),
        )),
        Class::Taken => Failure::Refused(Error::locator_in_use()),
        Class::Data => Failure::Refused(Error::new(
            ErrorKind::Protocol,
            format!("the database refused what was to be stored ({code})"),
        )),
        Class::Other => Failure::Refused(Error::new(
            ErrorKind::Protocol,
            format!("the database answered {code}: {}", refusal.message()),
        )),
    }
}

enum Class {
    Contended,
    Broken,
    Slow,
    ReadOnly,
    Full,
    Busy,
    Forbidden,
    /// A key that must be unique is there already.
    Taken,
    Data,
    Other,
}

fn class(refusal: &dyn DatabaseError, code: &str) -> Class {
    #[cfg(feature = "mysql")]
    if let Some(refusal) = refusal.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return of_mysql(refusal.number());
    }
    #[cfg(feature = "sqlite")]
    if refusal.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return of_sqlite(code);
    }
    let _ = refusal;
    of_sqlstate(code)
}

fn of_sqlstate(code: &str) -> Class {
    match code {
        "40001" | "40P01" | "55P03" => Class::Contended,
        "57014" => Class::Slow,
        "57P01" | "57P02" | "57P04" | "57P05" | "25P03" | "25P04" => Class::Broken,
        // Too many connections, the server is starting, and the database is closed to them for a while.
        "53300" | "57P03" | "55000" => Class::Busy,
        "25006" => Class::ReadOnly,
        "53100" | "53200" | "54000" => Class::Full,
        "23505" => Class::Taken,
        _ => match code.get(..2) {
            Some("08") => Class::Broken,
            Some("28" | "3D" | "3F" | "42") => Class::Forbidden,
            Some("22" | "23") => Class::Data,
            _ => Class::Other,
        },
    }
}

#[cfg(feature = "mysql")]
fn of_mysql(number: u16) -> Class {
    match number {
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_XA_RBDEADLOCK, ER_CHECKREAD
        1205 | 1213 | 1614 | 1020 => Class::Contended,
        // ER_QUERY_INTERRUPTED, ER_QUERY_TIMEOUT, ER_STATEMENT_TIMEOUT
        1317 | 3024 | 1969 => Class::Slow,
        // ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_NEW_ABORTING_CONNECTION and the like
        1053 | 1927 | 1184 | 1152 | 1080 | 4031 => Class::Broken,
        // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS
        1040 | 1203 => Class::Busy,
        // ER_OPTION_PREVENTS_STATEMENT (read_only), ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
        1290 | 1792 | 1836 => Class::ReadOnly,
        // ER_DISK_FULL, ER_RECORD_FILE_FULL
        1021 | 1114 => Class::Full,
        // Access denied, no such database, no such table, no such column
        1044 | 1045 | 1049 | 1054 | 1142 | 1143 | 1146 | 1698 => Class::Forbidden,
        1062 => Class::Taken,
        1048 | 1153 | 1264 | 1366 | 1406 => Class::Data,
        _ => Class::Other,
    }
}

#[cfg(feature = "sqlite")]
fn of_sqlite(code: &str) -> Class {
    let code: u32 = code.parse().unwrap_or(0);
    // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE
    if code == 1555 || code == 2067 {
        return Class::Taken;
    }
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Class::Contended,
        // SQLITE_READONLY
        8 => Class::ReadOnly,
        // SQLITE_FULL
        13 => Class::Full,
        // SQLITE_PERM, SQLITE_CANTOPEN, SQLITE_AUTH, SQLITE_NOTADB
        3 | 14 | 23 | 26 => Class::Forbidden,
        // SQLITE_TOOBIG, SQLITE_CONSTRAINT
        18 | 19 => Class::Data,
        _ => Class::Other,
    }
}

pub(crate) fn timeout() -> Error {
    Error::new(ErrorKind::Timeout, "the database did not answer in time")
}

pub(crate) fn unreadable(what: &'static str) -> Failure {
    Failure::Refused(Error::new(
        ErrorKind::Protocol,
        format!("a session in the database is not readable: {what}"),
    ))
}
