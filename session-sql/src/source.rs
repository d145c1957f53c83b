use std::fmt;

use session_core::{Error, ErrorKind, Result};

use crate::schema::Kind;

/// Which database a store uses: the URL of one, or a pool that the application has opened itself.
#[derive(Clone)]
pub struct Source(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    Url(String),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
}

impl From<&str> for Source {
    fn from(url: &str) -> Self {
        Self(Place::Url(url.to_owned()))
    }
}

impl From<String> for Source {
    fn from(url: String) -> Self {
        Self(Place::Url(url))
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::PgPool> for Source {
    fn from(pool: sqlx::PgPool) -> Self {
        Self(Place::Postgres(pool))
    }
}

#[cfg(feature = "mysql")]
impl From<sqlx::MySqlPool> for Source {
    fn from(pool: sqlx::MySqlPool) -> Self {
        Self(Place::MySql(pool))
    }
}

#[cfg(feature = "sqlite")]
impl From<sqlx::SqlitePool> for Source {
    fn from(pool: sqlx::SqlitePool) -> Self {
        Self(Place::Sqlite(pool))
    }
}

impl Source {
    pub(crate) fn kind(&self) -> Result<Kind> {
        match &self.0 {
            Place::Url(url) => kind_of(url),
            #[cfg(feature = "postgres")]
            Place::Postgres(_) => Ok(Kind::Postgres),
            #[cfg(feature = "mysql")]
            Place::MySql(_) => Ok(Kind::MySql),
            #[cfg(feature = "sqlite")]
            Place::Sqlite(_) => Ok(Kind::Sqlite),
        }
    }
}

fn kind_of(url: &str) -> Result<Kind> {
    let (kind, feature, is_on) = match url.split(':').next().unwrap_or_default() {
        "postgres" | "postgresql" => (Kind::Postgres, "postgres", cfg!(feature = "postgres")),
        "mysql" | "mariadb" => (Kind::MySql, "mysql", cfg!(feature = "mysql")),
        "sqlite" => (Kind::Sqlite, "sqlite", cfg!(feature = "sqlite")),
        _ => {
            let message = "the store URL must begin with postgres:, mysql:, mariadb: or sqlite:";
            return Err(Error::new(ErrorKind::Config, message));
        }
    };
    if is_on {
        return Ok(kind);
    }
    let message =
        format!("session-sql was compiled without what this URL asks for: turn on its feature `{feature}`");
    Err(Error::new(ErrorKind::Config, message))
}

/// A URL may hold a password: only its scheme is shown.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Url(url) => write!(f, "{}:…", url.split(':').next().unwrap_or_default()),
            #[cfg(feature = "postgres")]
            Place::Postgres(_) => f.write_str("PgPool"),
            #[cfg(feature = "mysql")]
            Place::MySql(_) => f.write_str("MySqlPool"),
            #[cfg(feature = "sqlite")]
            Place::Sqlite(_) => f.write_str("SqlitePool"),
        }
    }
}
