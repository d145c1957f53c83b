//! `cargo xtask million`: whether a store for PostgreSQL is as quick among a million sessions as among a thousand.

use std::process::Command;

use super::postgres::Postgres;
use crate::process::Interrupt;
use crate::{Result, needs, no_arguments, step};

/// As one would set up a server that keeps a million sessions.
const SETTINGS: [&str; 2] = ["shared_buffers=512MB", "max_wal_size=4GB"];

pub(crate) fn run(args: &[String]) -> Result {
    no_arguments(args)?;
    needs::provide(&[needs::POSTGRES, needs::PSQL])?;
    step::run(step::cargo().args(["build", "--release", "-p", "session-bench"]))?;
    let interrupt = Interrupt::listen()?;
    let postgres = Postgres::start("million", &SETTINGS)?;
    interrupt.check()?;
    let mut program = Command::new(step::target()?.join("release/bench-million"));
    step::run(program.env("PG_URL", postgres.url()).env("PG_LOG", postgres.log()))
}
