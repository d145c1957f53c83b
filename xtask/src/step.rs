//! One step of a run: a command whose output passes through, and how long it took.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(workspace()).stdin(Stdio::null());
    command
}

/// The workspace's root folder: cargo says at each run where this package lies.
pub(crate) fn workspace() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_owned)
}

/// Runs a command to its end. An error names it.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| format!("cannot run {}: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", line(command)).into()) }
}

/// The same, and shows each line that it prints to `see` as it passes through.
pub(crate) fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Result {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", line(command)))?;
    let stdout = child.stdout.take().ok_or("the output was not piped")?;
    let mut out = std::io::stdout().lock();
    for bytes in BufReader::new(stdout).split(b'\n') {
        let bytes = bytes?;
        see(&String::from_utf8_lossy(&bytes));
        out.write_all(&bytes)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", line(command)).into()) }
}

/// Names a step, runs it, and says how long it took.
pub(crate) fn timed<T>(name: &str, step: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let outcome = step();
    let took = human(start.elapsed());
    match outcome {
        Ok(value) => {
            println!("==> {name}: ok after {took}");
            Ok(value)
        }
        Err(error) => Err(format!("step {name:?} failed after {took}: {error}").into()),
    }
}

fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let mut line = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

/// The folder that cargo builds in: where it has put this program, too.
pub(crate) fn target() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).ok_or("this program does not lie in a target folder")?.to_owned())
}
