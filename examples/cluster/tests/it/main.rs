//! Drives the example as a user would: one browser, several servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test panics when it fails")]

mod behind_nginx;
mod browser;
mod in_one_process;
mod in_processes;
mod process;
