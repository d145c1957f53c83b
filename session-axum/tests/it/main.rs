//! The adapter contract, behind axum and over each store; and what is axum's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod extractors;
mod harness;
mod outages;
mod round_trips;

use harness::{OnMemory, OnPostgres, OnRedis};

session_testkit::adapter_conformance!(memory, OnMemory::new());
session_testkit::adapter_conformance!(redis, OnRedis::new());
session_testkit::adapter_conformance!(postgres, OnPostgres::new());
