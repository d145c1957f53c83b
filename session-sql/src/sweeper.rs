use std::sync::Weak;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::backoff::{Backoff, jittered};
use crate::engine::Engine;
use crate::error::{Failure, timeout};

/// Rows at a time: some milliseconds, so that nobody waits for a lock of it.
const BATCH: usize = 500;

/// Removes what has expired, every now and then. Ends with the store.
pub(crate) struct Sweeper {
    task: JoinHandle<()>,
}

impl Sweeper {
    pub(crate) fn start(engine: Weak<dyn Engine>, interval: Duration, budget: Duration) -> Self {
        Self { task: tokio::spawn(run(engine, interval, budget)) }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(engine: Weak<dyn Engine>, interval: Duration, budget: Duration) {
    loop {
        tokio::time::sleep(jittered(interval)).await;
        let Some(engine) = engine.upgrade() else { return };
        if let Err(failure) = drain(&*engine, budget).await {
            let error = failure.into_error();
            #[cfg(feature = "tracing")]
            tracing::warn!(%error, "expired sessions were not removed: the next attempt is in {interval:?}");
            drop(error);
        }
    }
}

/// Sweeps until nothing is left to do.
async fn drain(engine: &dyn Engine, budget: Duration) -> Result<(), Failure> {
    let mut backoff = Backoff::new();
    loop {
        let swept = tokio::time::timeout(budget, engine.sweep(BATCH)).await;
        match swept.unwrap_or_else(|_| Err(Failure::Broken(timeout()))) {
            Ok(swept) if swept < BATCH => return Ok(()),
            // Others come first.
            Ok(_) => tokio::task::yield_now().await,
            Err(Failure::Contended(_)) => backoff.wait().await,
            Err(failure) => return Err(failure),
        }
    }
}
