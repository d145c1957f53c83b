//! The SQL store on real databases: the contract of all stores, and what is its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod batches;
mod conformance;
mod events;
mod migrations;
mod outages;
mod pools;
mod round_trips;
mod support;
mod sweeping;
#[cfg(feature = "tls")]
mod tls;
mod together;
