//! The facade, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod architecture;
#[cfg(all(feature = "macros", feature = "memory"))]
mod attributes;
#[cfg(feature = "memory")]
mod background;
#[cfg(feature = "memory")]
mod builder;
mod environment;
#[cfg(feature = "macros")]
mod mistakes;
#[cfg(all(feature = "macros", feature = "memory", feature = "redis"))]
mod redis;
#[cfg(all(feature = "macros", feature = "memory"))]
mod settings;
mod shared_code;
#[cfg(all(feature = "macros", feature = "memory"))]
mod sources;
#[cfg(all(feature = "macros", feature = "memory", feature = "sqlite"))]
mod sql;
#[cfg(feature = "memory")]
mod support;
#[cfg(all(feature = "memory", feature = "tracing"))]
mod warning;
