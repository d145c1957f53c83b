//! The Redis store against real servers: the contract of all stores, and what is its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod conformance;
mod events;
mod faults;
mod killed;
mod layout;
mod load;
mod moving;
mod namespaces;
mod outages;
mod principals;
mod replicated;
mod round_trips;
mod start;
mod support;
#[cfg(feature = "tls")]
mod tls;
mod unknown_outcomes;
#[cfg(feature = "tracing")]
mod warning;
