//! `cargo xtask bench`: what a session costs, against the same commands written by hand, and against the most used
//! library of the field on PostgreSQL.
//!
//! Each round starts each server anew and loads it for a few seconds, one server after the other. What is compared
//! is the CPU time a request within a round, because everything else moves with what the machine does besides: the
//! figure is the median of the rounds' ratios.

mod asked;
mod http;
mod load;
pub(crate) mod memory;
pub(crate) mod million;
mod options;
mod postgres;
mod process_time;
mod server;
mod store;
mod table;
mod workloads;

use std::fs;

use options::Options;
use server::{Kind, Server};
use store::{Store, Stores};
use table::{Measured, Row};
use workloads::Workload;

use crate::process::{Folder, Interrupt};
use crate::{Result, needs, step};

pub(crate) fn run(args: &[String]) -> Result {
    let options = Options::parse(args)?;
    let stores = options.stores();
    let needed = stores.iter().flat_map(|store| store.needs()).copied();
    needs::provide(&needed.chain([needs::WRK]).collect::<Vec<_>>())?;
    build(&options)?;
    let interrupt = Interrupt::listen()?;
    let stores = Stores::start(&stores)?;
    let folder = Folder::new("bench")?;

    let mut rows: Vec<Row> = options.workloads.iter().copied().map(Row::new).collect();
    for round in 0..options.rounds {
        for row in &mut rows {
            let workload = row.workload;
            // Whoever is first in one round is second in the next.
            let base_first = round % 2 == 0;
            let measure = |kind| measure(kind, workload, &options, stores.of(workload)?, &folder);
            let first = measure(if base_first { workload.base } else { workload.subject })?;
            interrupt.check()?;
            let second = measure(if base_first { workload.subject } else { workload.base })?;
            interrupt.check()?;
            let (base, subject) = if base_first { (first, second) } else { (second, first) };
            eprintln!(
                "round {} of {}: {}: {:.2}",
                round + 1,
                options.rounds,
                workload.name,
                workload.ratio(&subject, &base)
            );
            row.add(subject, base);
        }
    }

    let text = table::markdown(&rows, &options);
    print!("{text}");
    fs::write(&options.out, &text).map_err(|error| format!("{}: {error}", options.out.display()))?;
    eprintln!("written to {}", options.out.display());
    Ok(())
}

/// The servers that are measured. Other libraries' are built with what they depend on, beside the workspace.
fn build(options: &Options) -> Result {
    step::run(step::cargo().args(["build", "--release", "-p", "session-bench"]))?;
    if !options.workloads.iter().any(|workload| workload.base.is_peer()) {
        return Ok(());
    }
    let mut peers = step::cargo();
    peers.args(["build", "--release", "--locked", "--manifest-path", "session-bench/peers/Cargo.toml"]);
    step::run(peers.arg("--target-dir").arg(step::target()?))
}

/// A fresh server with fresh sessions, loaded for a while.
fn measure(
    kind: Kind,
    workload: &Workload,
    options: &Options,
    store: &Store,
    folder: &Folder,
) -> Result<Measured> {
    store.empty()?;
    let server = Server::start(kind, &store.url())?;
    let path = kind.only_path().unwrap_or(workload.path);
    let cookies = match workload.prepare {
        None => Vec::new(),
        // It reads as many bytes as the others, and knows nothing of their meaning.
        Some(_) if kind.only_path().is_some() => {
            (0..options.sessions).map(|n| format!("id={n:043}")).collect()
        }
        Some(prepare) => server.sessions(prepare, options.sessions)?,
    };
    let before = store.counters()?;
    let answer = if kind.only_path().is_some() { "ok" } else { workload.answer };
    server.expect(path, cookies.first().map(String::as_str), answer)?;
    let asked = before.zip(store.counters()?).map(|(before, after)| before.until(&after));
    let load = load::Load::new(folder, server.port(), path, &cookies)?;
    load.run(options.warm_up)?;

    let server_before = process_time::of(server.pid())?;
    let store_before = store.cpu()?;
    let answered = load.run(options.seconds)?;
    let server_time = process_time::of(server.pid())? - server_before;
    let store_time = store.cpu()? - store_before;
    Ok(Measured::new(&answered, server_time, store_time, asked))
}
