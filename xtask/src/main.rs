//! Tests, servers, benches and the demonstration of this workspace: `cargo xtask <command>`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks by printing")]

mod bench;
mod ci;
mod demo;
mod needs;
mod process;
mod servers;
mod step;
mod summary;
mod test;

use std::error::Error;
use std::process::ExitCode;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const USAGE: &str = "\
cargo xtask <command>

  test [args]   installs the servers that the tests need (as root; else says the command), then runs
                cargo test on everything; the arguments go to cargo test
  ci            all that continuous integration checks; the tests come last
  servers [redis|sentinel|cluster|postgres|mariadb ...|all]
                starts private servers on free ports, prints their URLs, ends them with Ctrl-C;
                redis, if nothing is said
  demo          two nodes as two processes, on a private Redis, behind a private nginx; until Ctrl-C
  bench [--rounds N] [--seconds S] [--only NAME,NAME] [--out FILE]
                measures this project's bench server against the hand-written floor, and on PostgreSQL
                against tower-sessions
  memory        what a session takes in Redis, over 100 000 of them
  million       a million sessions in PostgreSQL beside a thousand, a sweep under traffic, and the plans;
                fails when one is beyond its bound
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let outcome = match command {
        "test" => test::run(rest),
        "ci" => ci::run(rest),
        "servers" => servers::run(rest),
        "demo" => demo::run(rest),
        "bench" => bench::run(rest),
        "memory" => bench::memory::run(rest),
        "million" => bench::million::run(rest),
        "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(format!("there is no command {other:?}\n\n{USAGE}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// For commands that take no arguments.
fn no_arguments(args: &[String]) -> Result {
    match args.first() {
        None => Ok(()),
        Some(argument) => Err(format!("unexpected argument {argument:?}").into()),
    }
}
