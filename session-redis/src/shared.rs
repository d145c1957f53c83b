use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use session_core::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::error::timeout;

/// Work that is under way at most once: whoever needs what comes of it waits for the same one.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    running: Mutex<Option<Work<T>>>,
}

/// Work under way, and what came of it.
pub(crate) type Work<T> = watch::Receiver<Option<Result<T>>>;

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    pub(crate) const fn new() -> Self {
        Self { running: Mutex::new(None) }
    }

    /// Joins the work that is under way, or begins it. It goes on when the caller is dropped: others may be
    /// waiting for it.
    pub(crate) fn join<F>(&self, done: impl FnOnce() -> Option<T>, begin: impl FnOnce() -> F) -> Work<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mut running = self.running();
        // One whose sender is gone has ended, or its runtime has.
        if let Some(work) = &*running
            && work.has_changed().is_ok()
        {
            return work.clone();
        }
        if let Some(done) = done() {
            return watch::channel(Some(Ok(done))).1;
        }
        let (outcome, work) = watch::channel(None);
        *running = Some(work.clone());
        let begun = begin();
        tokio::spawn(async move {
            outcome.send_replace(Some(begun.await));
        });
        work
    }

    fn running(&self) -> MutexGuard<'_, Option<Work<T>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes of the work, if it does in time.
pub(crate) async fn outcome<T: Clone>(mut work: Work<T>, deadline: Instant) -> Result<T> {
    match timeout_at(deadline.into(), work.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(timeout())),
        Ok(Err(_)) => {
            Err(Error::new(ErrorKind::Unavailable, "the runtime of the Redis connection has ended"))
        }
        Err(_) => Err(timeout()),
    }
}
