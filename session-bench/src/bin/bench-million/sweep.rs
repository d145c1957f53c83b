//! A sweep while requests go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::SessionStore as _;
use session_sql::SqlStore;

use crate::filled::Filled;
use crate::{EXPIRED, Result, SWEEP_BOUND, compare, traffic};

/// As many at a time as `http-session` sweeps.
const BATCH: usize = 1_000;
const ROUNDS: usize = 3;

pub(crate) async fn under_traffic(many: &Filled) -> Result<Vec<String>> {
    let (mut before, mut during, mut sweeps) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        many.add(EXPIRED, -1).await?;
        before.push(traffic::pass(many).await?);
        let stop = Arc::new(AtomicBool::new(false));
        let sweeping = tokio::spawn(sweep(Arc::clone(&many.store), Arc::clone(&stop)));
        during.push(traffic::until(many, stop).await?);
        sweeps.push(sweeping.await??);
    }
    println!(
        "\n| 99 of 100 within, ms | before a sweep | during it | times | at most |\n|---|--:|--:|--:|--:|"
    );
    let mut beyond = compare(&before, &during, "during a sweep", SWEEP_BOUND);
    println!();
    for (sweep, pass) in sweeps.iter().zip(&during) {
        let Sweep { removed, batches, longest, took } = sweep;
        println!(
            "{removed} expired sessions removed in {:.1} s, in {batches} batches, of which the longest took {} ms, \
             beside {} requests",
            took.as_secs_f64(),
            longest.as_millis(),
            pass.requests(),
        );
        if *removed != usize::try_from(EXPIRED)? || *batches <= removed / BATCH {
            beyond.push(format!("a sweep removed {removed} in {batches} batches"));
        }
    }
    Ok(beyond)
}

struct Sweep {
    removed: usize,
    batches: usize,
    longest: Duration,
    took: Duration,
}

/// Sweeps until nothing is left, as the background task of `http-session` does.
async fn sweep(store: Arc<SqlStore>, stop: Arc<AtomicBool>) -> Result<Sweep> {
    let start = Instant::now();
    let mut sweep = Sweep { removed: 0, batches: 0, longest: Duration::ZERO, took: Duration::ZERO };
    let outcome = loop {
        let batch = Instant::now();
        let Some(sweeper) = store.capabilities().sweep else { break Err("the store cannot sweep".into()) };
        let removed = match sweeper.sweep(BATCH).await {
            Ok(removed) => removed,
            Err(error) => break Err(error.into()),
        };
        sweep.removed += removed;
        sweep.batches += 1;
        sweep.longest = sweep.longest.max(batch.elapsed());
        if removed < BATCH {
            break Ok(());
        }
    };
    // Whatever came of it: the traffic waits for this.
    stop.store(true, Ordering::Relaxed);
    sweep.took = start.elapsed();
    outcome.map(|()| sweep)
}
