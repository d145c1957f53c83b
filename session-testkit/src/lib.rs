//! The session contracts as test cases, with clocks, faults and real servers.
//!
//! For whoever writes a store: [`Harness`] says how to reach it, [`store_conformance!`] turns each sentence of
//! [`SessionStore`](session_core::SessionStore)'s contract into a test of it. For whoever tests what stands on a
//! store: [`ManualClock`], [`SpyStore`] and [`FaultyStore`]. For whoever adapts a web framework: [`adapter`] and
//! [`adapter_conformance!`]. For whoever tests what comes over a network: [`RedisServer`], [`RedisSentinel`],
//! [`RedisCluster`], [`PostgresServer`], [`MariaDbServer`], [`Proxy`] and what must hold in an [`outage`], by a
//! [`Stopwatch`] that a busy machine does not mislead. [`sample`] has the sessions to try all that with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a case that does not hold panics: that is how a test fails"
)]

pub mod adapter;
mod cases;
#[cfg(feature = "tls")]
mod certificates;
mod clock;
mod database_server;
mod faulty;
mod harness;
mod machine;
mod mariadb_server;
mod operation;
pub mod outage;
mod postgres_server;
mod proxy;
mod random;
mod redis_cluster;
mod redis_sentinel;
mod redis_server;
#[cfg(feature = "tls")]
mod redis_tls;
mod run;
pub mod sample;
mod spy;
mod stopwatch;
pub mod store;

pub use async_trait::async_trait;
pub use clock::ManualClock;
pub use database_server::DatabaseServer;
pub use faulty::{Fault, FaultyStore};
pub use harness::{Harness, races};
pub use machine::free_port;
pub use mariadb_server::MariaDbServer;
pub use operation::Operation;
pub use postgres_server::PostgresServer;
pub use proxy::{Proxy, Traffic};
pub use random::{FailingRandom, SeededRandom};
pub use redis_cluster::RedisCluster;
pub use redis_sentinel::RedisSentinel;
pub use redis_server::{Counters, RedisServer};
#[cfg(feature = "tls")]
pub use redis_tls::{RedisCertificates, RedisTls};
pub use spy::SpyStore;
pub use stopwatch::Stopwatch;

#[doc(hidden)]
pub use run::run;
