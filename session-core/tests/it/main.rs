//! The manager, against whatever a client sends. Its rules are the adapter contract's cases, in `session-testkit`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod modify;
mod presented;
mod settings;
