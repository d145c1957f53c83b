//! Requests that load a session and change it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use session_core::{Access, Changes, Load, Saved, Select, SessionStore as _, StoredId};
use session_sql::SqlStore;

use crate::Result;
use crate::filled::Filled;

pub(crate) const NOW: Access = Access::new(Duration::ZERO, Duration::from_secs(60));

const TASKS: usize = 4;
/// How many requests a task sends in a pass.
const REQUESTS: usize = 1_500;
/// Between two requests of a task: what is measured is not the wait of one for another.
const PAUSE: Duration = Duration::from_millis(1);

/// How long the operations of a pass took, each kind from the quickest to the slowest.
pub(crate) struct Pass {
    loads: Vec<Duration>,
    saves: Vec<Duration>,
}

impl Pass {
    pub(crate) fn load(&self) -> Duration {
        slowest_hundredth(&self.loads)
    }

    pub(crate) fn save(&self) -> Duration {
        slowest_hundredth(&self.saves)
    }

    pub(crate) fn requests(&self) -> usize {
        self.loads.len()
    }
}

fn slowest_hundredth(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() * 99 / 100).copied().unwrap_or_default()
}

pub(crate) async fn pass(filled: &Filled) -> Result<Pass> {
    run(filled, REQUESTS, Arc::default()).await
}

/// The same, until it is told to stop.
pub(crate) async fn until(filled: &Filled, stop: Arc<AtomicBool>) -> Result<Pass> {
    run(filled, usize::MAX, stop).await
}

async fn run(filled: &Filled, requests: usize, stop: Arc<AtomicBool>) -> Result<Pass> {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, ids, stop) = (Arc::clone(&filled.store), Arc::clone(&filled.ids), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut loads, mut saves) = (Vec::new(), Vec::new());
                let own = ids.iter().cycle().skip(task * ids.len() / TASKS);
                for (n, id) in own.enumerate().take(requests) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let (load, save) = request(&store, id, n).await?;
                    loads.push(load);
                    saves.push(save);
                    tokio::time::sleep(PAUSE).await;
                }
                Ok::<_, Box<dyn Error + Send + Sync>>((loads, saves))
            })
        })
        .collect();
    let mut pass = Pass { loads: Vec::new(), saves: Vec::new() };
    for task in tasks {
        let (loads, saves) = task.await??;
        pass.loads.extend(loads);
        pass.saves.extend(saves);
    }
    pass.loads.sort();
    pass.saves.sort();
    Ok(pass)
}

/// How long the load and the save took.
async fn request(store: &SqlStore, id: &StoredId, n: usize) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    let Load::Live { .. } = store.load(id, Select::All, NOW).await? else {
        return Err("a session is not there".into());
    };
    let load = start.elapsed();
    let mut changes = Changes::new();
    changes.set("cart", n.to_string());
    changes.touch = true;
    let start = Instant::now();
    let Saved::Applied = store.save(id, &changes, NOW).await? else {
        return Err("a session was not saved".into());
    };
    Ok((load, start.elapsed()))
}

pub(crate) fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
