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
//! The features `postgres`, `mysql` and `sqlite` bring the databases. Without one of them there is no store.
//!
//! # TLS
//!
//! The feature `tls` encrypts connections to PostgreSQL, MySQL and MariaDB. Ask for it in the URL, with a server that
//! has to prove who it is:
//!
//! - `postgres://…?sslmode=verify-full&sslrootcert=/path/to/ca.pem`
//! - `mysql://…?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path/to/ca.pem`
//!
//! Without the last parameter it is one of the authorities that the system trusts. `require` (`REQUIRED`) encrypts, and
//! believes any server. A URL that asks for one of these is never served without: it is an error at the start when the
//! feature is off, the server does not speak TLS or its certificate is not good. **A URL that says nothing gets what
//! sqlx calls `prefer`**: encryption that nobody has verified where the feature is on and the server offers it, else
//! none; `allow` is none.
//!
//! # Sweeping
//!
//! The store creates its tables ([`Migrate`]), and serves nothing that has expired. Somebody has to sweep: `http-session`
//! does, once a minute. The nodes of a namespace sweep its sessions and no others: whoever gives a namespace up removes
//! what is left of it by hand. Where the store is used without `http-session`, a task does, or a schedule that calls
//! [`sweep_all`](session_core::sweep_all):
//!
//! ```no_run
//! # async fn start(store: session_sql::SqlStore) {
//! use std::{sync::Arc, time::Duration};
//! use session_core::sweep_regularly;
//!
//! let store = Arc::new(store);
//! let report = |error: &session_core::Error| eprintln!("cannot sweep the sessions: {error}");
//! // Ends when the store is dropped.
//! tokio::spawn(sweep_regularly(Arc::downgrade(&store), Duration::from_secs(60), tokio::time::sleep, report));
//! # }
//! ```

#![cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]

mod attempts;
mod backoff;
#[cfg(feature = "postgres")]
mod batch;
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
mod time;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod tls;
mod wake;

pub use config::SqlStoreBuilder;
pub use schema::Migrate;
pub use source::Source;
pub use store::{MAX_NAME_BYTES, SqlStore};
