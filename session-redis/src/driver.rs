use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::task::AbortHandle;

/// From so many answers owed on, a connection is busy.
const BUSY: usize = 8;

/// The task that writes a connection's commands and reads their answers. It ends with this.
#[derive(Debug)]
pub(crate) struct Driver {
    task: AbortHandle,
    /// How many answers are owed.
    pub(crate) owed: Arc<AtomicUsize>,
}

impl Driver {
    pub(crate) fn spawn(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        let owed = Arc::default();
        let task = tokio::spawn(drive(connection, Arc::clone(&owed))).abort_handle();
        Self { task, owed }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A task that is woken is polled next, before the others that are ready: each command would be written by itself, for
/// one system call more here and one more at the server. On a busy connection the driver lets the others go first,
/// once, and what they send leaves in the same write. On another one nobody would join it, and the wait would only cost.
async fn drive(connection: impl Future<Output = ()>, owed: Arc<AtomicUsize>) {
    let mut connection = pin!(connection);
    let mut has_waited = false;
    poll_fn(|context| {
        has_waited = !has_waited && owed.load(Ordering::Relaxed) >= BUSY;
        if has_waited {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        connection.as_mut().poll(context)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::mpsc::unbounded_channel;
    use tokio::task::yield_now;

    use super::*;

    /// How many commands of 20 operations that are ready at once leave together.
    async fn batches(owed: usize) -> Vec<usize> {
        let batches = Arc::new(Mutex::new(Vec::new()));
        let (sender, mut commands) = unbounded_channel::<usize>();
        let driver = Driver::spawn({
            let batches = Arc::clone(&batches);
            poll_fn(move |context| {
                let mut batch = 0;
                while let Poll::Ready(Some(_)) = commands.poll_recv(context) {
                    batch += 1;
                }
                batches.lock().unwrap().push(batch);
                Poll::Pending
            })
        });
        driver.owed.store(owed, Ordering::Relaxed);
        while batches.lock().unwrap().is_empty() {
            yield_now().await;
        }
        for n in 0..20 {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(n).unwrap() });
        }
        while batches.lock().unwrap().iter().sum::<usize>() < 20 {
            yield_now().await;
        }
        batches.lock().unwrap().iter().copied().filter(|batch| *batch > 0).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn on_a_busy_connection_what_is_ready_leaves_together() {
        let busy = tokio::spawn(batches(BUSY)).await.unwrap();
        assert_eq!(busy, [20]);
        let idle = tokio::spawn(batches(BUSY - 1)).await.unwrap();
        assert!(idle.len() > 1, "a command that is alone does not wait: {idle:?}");
    }
}
