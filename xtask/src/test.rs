//! `cargo xtask test`: every test of the workspace, against real servers.

use crate::summary::Summary;
use crate::{Result, needs, step};

/// How many tests run at once: `cargo test` reads it.
const THREADS: &str = "RUST_TEST_THREADS";

pub(crate) fn run(args: &[String]) -> Result {
    let summary = all(args)?;
    println!("{summary}");
    Ok(())
}

/// Runs them and counts. What failed is counted, too, and part of the error.
pub(crate) fn all(args: &[String]) -> Result<Summary> {
    needs::provide(&needs::TESTS)?;
    let mut command = step::cargo();
    command.args(["test", "--all-features", "--no-fail-fast"]);
    let chosen = args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    if !chosen {
        command.arg("--workspace");
    }
    // Most tests wait for servers and locks longer than they compute.
    if std::env::var_os(THREADS).is_none() {
        let cores = std::thread::available_parallelism()?.get();
        command.env(THREADS, (2 * cores).to_string());
    }
    let mut summary = Summary::default();
    let outcome = step::run_seeing(command.args(args), |line| summary.count(line));
    match outcome {
        Ok(()) if summary.ran() == 0 => Err("no test ran".into()),
        Ok(()) => Ok(summary),
        Err(error) => Err(format!("{error}\n{summary}").into()),
    }
}
