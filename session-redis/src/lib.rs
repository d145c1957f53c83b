//! Sessions in Redis: one hash a session, one command an operation.
//!
//! ```no_run
//! # async fn start() -> session_core::Result<()> {
//! use session_redis::RedisStore;
//!
//! let store = RedisStore::builder("redis://127.0.0.1:6379").namespace("shop").connect().await?;
//! # drop(store);
//! # Ok(())
//! # }
//! ```
//!
//! Reads are plain commands, writes are short scripts, and each operation is one round trip on one multiplexed
//! connection. A session lies under `<namespace>:sessions:<handle>` and ends by Redis' own expiry: nothing sweeps.
//!
//! The server must be a primary that keeps what it is given (`maxmemory-policy noeviction`), version 6 or later.

mod clock;
mod config;
mod connect;
mod connection;
mod error;
mod events;
mod keys;
mod link;
mod principals;
mod record;
mod reply;
mod scripts;
mod store;

pub use config::RedisStoreBuilder;
pub use store::RedisStore;
