//! Sessions in PostgreSQL, MySQL or MariaDB, and SQLite: one row a session, one row an attribute.
//!
//! ```no_run
//! # async fn start() -> session_core::Result<()> {
//! use session_sql::SqlStore;
//!
//! let store = SqlStore::builder("postgres://127.0.0.1/shop").namespace("shop").connect().await?;
//! # drop(store);
//! # Ok(())
//! # }
//! ```
//!
//! The features `postgres`, `mysql` and `sqlite` bring the databases, `tls` TLS to the first two. Without one of them
//! there is no store.
//!
//! The store creates its tables ([`Migrate`]), and serves nothing that has expired. Somebody has to sweep:
//! `http-session` does, or the store itself when it is told to ([`sweep_every`](SqlStoreBuilder::sweep_every)).

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod backoff;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod config;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod dialect;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod driver;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod engine;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod error;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod miss;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod open;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod pool;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod row;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod schema;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod source;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod store;
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
mod sweeper;

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
pub use {
    config::SqlStoreBuilder,
    schema::Migrate,
    source::Source,
    store::{MAX_NAME_BYTES, SqlStore},
};
