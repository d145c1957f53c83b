//! The Redis store against real servers: the contract of all stores, and what is its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod conformance;
mod events;
mod layout;
mod outages;
mod principals;
mod round_trips;
mod start;
mod support;
mod unknown_outcomes;
