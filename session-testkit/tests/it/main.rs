//! The kit's own parts: that the list of cases is whole, and that its stores do what they are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod cases;
mod doubles;
mod wrappers;
