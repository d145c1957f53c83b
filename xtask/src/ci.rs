//! `cargo xtask ci`: what must hold before a change goes in. The tests come last, so that their summary ends the
//! output.
//!
//! Steps that check the whole workspace use the same features, so that each dependency is checked once and built
//! once.

use std::fs;

use crate::step::{cargo, run as run_command, timed, workspace};
use crate::{Result, needs, no_arguments, test};

pub(crate) fn run(args: &[String]) -> Result {
    no_arguments(args)?;
    timed("servers for the tests", || needs::provide(&needs::TESTS))?;
    timed("format", || run_command(cargo().args(["fmt", "--all", "--check"])))?;
    timed("clippy", || {
        let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
        run_command(cargo().args(args))
    })?;
    timed("documentation", || {
        let args = ["doc", "--workspace", "--all-features", "--no-deps"];
        run_command(cargo().args(args).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    timed("facade without features", || facade_with(None))?;
    for feature in facade_features()? {
        timed(&format!("facade with {feature} alone"), || facade_with(Some(&feature)))?;
    }
    for example in examples()? {
        timed(&format!("example {example} alone"), || run_command(cargo().args(["check", "-p", &example])))?;
    }
    let summary = timed("tests", || test::all(&[]))?;
    println!("{summary}");
    Ok(())
}

fn facade_with(feature: Option<&str>) -> Result {
    let mut command = cargo();
    command.args(["check", "-p", "http-session", "--no-default-features"]);
    if let Some(feature) = feature {
        command.args(["--features", feature]);
    }
    run_command(&mut command)
}

/// The names in the facade's `[features]` table.
fn facade_features() -> Result<Vec<String>> {
    let manifest = fs::read_to_string(workspace().join("http-session/Cargo.toml"))?;
    Ok(features_of(&manifest))
}

fn features_of(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphanumeric()))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

/// The crates in `examples/`: folder = crate name.
fn examples() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace().join("examples"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_features_are_the_keys_of_their_table() {
        let manifest = "[package]\nname = \"x\"\n\n[features]\ndefault = [\"a\"]\n# why\na = []\nlong = [\n    \
                        \"a\",\n]\n\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(features_of(manifest), ["default", "a", "long"]);
    }
}
