//! A million sessions in PostgreSQL beside a thousand: how long loads and saves take, also while a hundred thousand
//! expired ones are swept, and the plans of the statements. It fails when one of that is beyond its bound.
//!
//! It makes its tables in the database at `PG_URL`, of a server that writes its log to the file `PG_LOG`. `cargo xtask
//! million` runs it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a measurement speaks by printing")]

mod filled;
mod plans;
mod sweep;
mod traffic;

use std::env;
use std::error::Error;
use std::time::Duration;

use filled::Filled;
use traffic::{Pass, median};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;
const EXPIRED: u64 = 100_000;
/// A pass on a shared machine may be slow for any reason: what counts is the median.
const ROUNDS: usize = 5;
/// How much longer the slowest hundredth may take among many sessions.
const MANY_BOUND: f64 = 1.5;
/// How much longer it may take while a sweep is under way.
const SWEEP_BOUND: f64 = 2.0;

fn main() -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let url = env::var("PG_URL").map_err(|_| "PG_URL is not set")?;
        let log = env::var("PG_LOG").map_err(|_| "PG_LOG is not set")?;
        let few = Filled::new(&url, "few", FEW).await?;
        let many = Filled::new(&url, "many", MANY).await?;
        let mut beyond = among_many(&few, &many).await?;
        beyond.extend(sweep::under_traffic(&many).await?);
        beyond.extend(plans::show(&url, &log, &many).await?);
        if beyond.is_empty() { Ok(()) } else { Err(beyond.join("; ").into()) }
    })
}

/// Measures both in turns, and says what is beyond its bound.
async fn among_many(few: &Filled, many: &Filled) -> Result<Vec<String>> {
    let (mut in_few, mut in_many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        in_few.push(traffic::pass(few).await?);
        in_many.push(traffic::pass(many).await?);
    }
    println!(
        "| 99 of 100 within, ms | {FEW} sessions | {MANY} sessions | times | at most |\n|---|--:|--:|--:|--:|"
    );
    Ok(compare(&in_few, &in_many, "among many sessions", MANY_BOUND))
}

type Figure = fn(&Pass) -> Duration;

/// Prints the medians beside each other.
fn compare(base: &[Pass], subject: &[Pass], when: &str, bound: f64) -> Vec<String> {
    let figures: [(&str, Figure); 2] = [("load", Pass::load), ("save", Pass::save)];
    let mut beyond = Vec::new();
    for (name, figure) in figures {
        let base = median(base.iter().map(figure));
        let subject = median(subject.iter().map(figure));
        let times = subject.as_secs_f64() / base.as_secs_f64();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        println!("| {name} | {:.2} | {:.2} | **{times:.2}** | {bound} |", millis(base), millis(subject));
        if times > bound {
            beyond
                .push(format!("{when} {name} takes {times:.2} times as long, at most {bound} was promised"));
        }
    }
    beyond
}
