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
//! connection. A session lies under `<namespace>:sessions:<handle>` and ends by Redis' own expiry: nothing
//! sweeps, unless the store tells [events](RedisStoreBuilder::events).
//! Each command touches one key, so that a Cluster is as good as one server.
//!
//! # URLs
//!
//! | | |
//! |---|---|
//! | `redis://[user:password@]host[:port][/database]` | one server |
//! | `redis+unix://[user:password@]/path/of/the/socket[?db=database]` | one server, by a unix socket |
//! | `redis+sentinel://[user:password@]host[:port],host[:port]/service[/database]` | the primary of a service, asked of its Sentinels |
//! | `redis+cluster://[user:password@]host[:port],host[:port]` | a Cluster, found by some of its servers |
//!
//! `rediss`, `rediss+sentinel` and `rediss+cluster` are the same over TLS (feature `tls`), to the Sentinels, too. Sentinels
//! and the servers of a Cluster then have to name ports for TLS (`tls-replication yes`, `tls-cluster yes`), and what
//! stands in the certificates: IP addresses, or the hostnames that they announce.
//! `valkey` and `valkeys` mean `redis` and `rediss`. What is special in a user or a password is percent-encoded.
//!
//! Behind a `?`, separated by `&`, may stand
//!
//! | setting | |
//! |---|---|
//! | `connections` | how many to each server |
//! | `durability` | `primary` or `replicated` |
//! | `sentinel_user`, `sentinel_password` | as whom to ask the Sentinels |
//! | `cacert`, `cert`, `key` | files, PEM: the authority to trust, the certificate to present and its key |
//!
//! # The server
//!
//! It must be Redis 6.2 or later, or Valkey, a primary, and keep what it is given (`maxmemory-policy noeviction`). A user
//! with permissions needs `+@hash +@sortedset +@keyspace +@scripting +time` on `~<namespace>:*`, in a Cluster also `+cluster|slots
//! +cluster|info +asking`, `+wait` where changes wait for a replica, and `+@stream` with events. All of that is checked when the store connects,
//! and what is wrong is told in one message.

mod check;
mod clock;
mod cluster;
mod config;
mod connect;
mod connection;
mod driver;
mod error;
mod events;
mod hello;
mod keys;
mod line;
mod link;
mod node;
mod pipe;
mod principals;
mod reader;
mod record;
mod reply;
mod scripts;
mod sentinel;
mod settings;
mod shared;
mod slots;
mod store;
#[cfg(feature = "tls")]
mod tls;
mod url;

pub use config::RedisStoreBuilder;
pub use settings::Durability;
pub use store::RedisStore;
