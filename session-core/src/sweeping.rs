use std::future::{Future, poll_fn};
use std::sync::Weak;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Error, OsRandom, Random as _, Result, SessionManager, Sweep};

/// As many are removed by one call: some milliseconds of a store.
const STEP: usize = 1000;

/// That of its store. Nothing is removed where the store does so by itself.
#[async_trait]
impl Sweep for SessionManager {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        match self.store().capabilities().sweep {
            Some(sweep) => sweep.sweep(limit).await,
            None => Ok(0),
        }
    }
}

/// Removes all that has expired, in bounded steps, and says how many records it were: for whoever has a schedule of his
/// own. `swept` is a store, or a manager.
///
/// # Errors
///
/// Those of the store. What was removed before stays removed.
pub async fn sweep_all<S: Sweep + ?Sized>(swept: &S) -> Result<usize> {
    let mut all = 0;
    loop {
        let removed = swept.sweep(STEP).await?;
        all += removed;
        if removed < STEP {
            return Ok(all);
        }
        // Others come first.
        yield_once().await;
    }
}

/// Removes what has expired, `every` so often, as long as the store or manager is there: a future for a task of its own.
/// The facade runs it; whoever uses a store without the facade does. Any number of nodes may.
///
/// Core has no timers: `sleep` is the runtime's. Each wait is a little longer or shorter, so that the nodes do not come
/// all at once. What fails is reported, and done the next time.
pub async fn sweep_regularly<S, F>(
    swept: Weak<S>,
    every: Duration,
    sleep: impl Fn(Duration) -> F,
    report: impl Fn(&Error),
) where
    S: Sweep + ?Sized,
    F: Future<Output = ()>,
{
    // Nodes may have been started together.
    sleep(every.mul_f64(0.1 + 0.9 * random_part())).await;
    while let Some(alive) = swept.upgrade() {
        if let Err(error) = sweep_all(&*alive).await {
            report(&error);
        }
        drop(alive);
        sleep(every.mul_f64(0.9 + 0.2 * random_part())).await;
    }
}

fn random_part() -> f64 {
    let mut byte = [0];
    OsRandom::default().fill(&mut byte).map_or(0.5, |()| f64::from(byte[0]) / 255.0)
}

async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if has_yielded {
            return Poll::Ready(());
        }
        has_yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
