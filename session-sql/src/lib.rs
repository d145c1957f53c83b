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

#![cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]

mod attempts;
mod backoff;
mod config;
mod cursor;
mod dialect;
mod driver;
mod engine;
mod error;
mod events;
mod key;
#[cfg(feature = "postgres")]
mod notify;
mod open;
mod pool;
mod row;
mod schema;
mod source;
mod store;
mod sweeper;
mod time;
mod wake;

pub use config::SqlStoreBuilder;
pub use schema::Migrate;
pub use source::Source;
pub use store::{MAX_NAME_BYTES, SqlStore};
