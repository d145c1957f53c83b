//! The session contracts as test cases, with clocks, faults and real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a case that does not hold panics: that is how a test fails"
)]

mod redis_server;

pub use redis_server::{Counters, RedisServer};
