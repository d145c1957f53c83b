//! Starting what races.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Barrier;

pub(super) type Racer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) fn racer<T>(racer: impl Future<Output = T> + Send + 'static) -> Racer<T> {
    Box::pin(racer)
}

/// Starts all of them in the same moment, each on a task of its own.
pub(super) async fn together<T: Send + 'static>(racers: Vec<Racer<T>>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(racers.len()));
    let started = racers.into_iter().map(|racer| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            racer.await
        })
    });
    let mut results = Vec::new();
    for task in started.collect::<Vec<_>>() {
        results.push(task.await.unwrap());
    }
    results
}

/// Two different operations in the same moment.
pub(super) async fn both<A: Send + 'static, B: Send + 'static>(
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    let barrier = Arc::new(Barrier::new(2));
    let same = Arc::clone(&barrier);
    let one = tokio::spawn(async move {
        same.wait().await;
        one.await
    });
    let other = tokio::spawn(async move {
        barrier.wait().await;
        other.await
    });
    (one.await.unwrap(), other.await.unwrap())
}
