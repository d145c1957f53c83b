//! Requests that go on while something breaks, and what they must have seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use session_core::{Changes, ErrorKind, Load as Loaded, Result, Saved, Select, SessionStore, StoredId};
use session_redis::RedisStore;
use session_testkit::Stopwatch;
use session_testkit::outage::{IN_TIME, ONE_SECOND};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::support::{NOW, StoreExt as _, counting, digest, id, setting};

const WORKERS: usize = 16;

/// Workers that use a session each, as fast as they are answered.
pub(crate) struct Load {
    store: Arc<RedisStore>,
    loss: Loss,
    stop: Arc<AtomicBool>,
    workers: JoinSet<Worker>,
}

/// What of what was acknowledged a failover may undo.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Nothing,
    /// Changes: a replica that becomes the primary may lack the last of them.
    Changes,
    /// Rotations, too. They are not asked for then, because whoever had the new id is not known any more.
    Anything,
}

/// What the requests came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    wrong: Vec<String>,
}

/// One user: the session, and what was said about it.
struct Worker {
    store: Arc<RedisStore>,
    id: StoredId,
    /// The attribute `n`: as it was last sent, as it was last acknowledged, and as it was sent without an answer. Such
    /// a change may yet be made, whenever the server comes to it.
    sent: u64,
    acknowledged: u64,
    open: Vec<u64>,
    outcome: Outcome,
}

impl Load {
    /// The requests are under way when this returns.
    pub(crate) async fn start(store: Arc<RedisStore>, loss: Loss) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let worker = Worker {
                store: Arc::clone(&store),
                id: store.begin().await,
                sent: 0,
                acknowledged: 0,
                open: Vec::new(),
                outcome: Outcome::default(),
            };
            let stop = Arc::clone(&stop);
            workers.spawn(worker.run(stop, loss));
        }
        sleep(Duration::from_millis(300)).await;
        Self { store, loss, stop, workers }
    }

    /// To be called when the servers are whole again: whoever asks a second later is answered.
    pub(crate) async fn recovered(&self) {
        Stopwatch::start().reaches(ONE_SECOND).await;
        let mut asking: Vec<JoinHandle<Result<()>>> = Vec::new();
        for _ in 0..WORKERS {
            let store = Arc::clone(&self.store);
            asking.push(tokio::spawn(async move {
                let id = id();
                store.create(&id, &counting(), NOW).await?;
                store.save(&id, &setting("n", "1"), NOW).await?;
                Ok(())
            }));
        }
        for asked in asking {
            asked.await.unwrap().expect("a second after the servers are back everything succeeds");
        }
    }

    /// Ends the requests, and looks at what they have seen.
    pub(crate) async fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Outcome::default();
        for worker in self.workers.join_all().await {
            assert!(worker.outcome.wrong.is_empty(), "{:#?}", worker.outcome.wrong);
            all.succeeded += worker.outcome.succeeded;
            all.failed += worker.outcome.failed;
            let value = worker.store.value(&worker.id, "n").await.expect("the attribute is there");
            let value: u64 = value.parse().unwrap();
            let is_kept = value == worker.acknowledged || worker.open.contains(&value);
            assert!(
                is_kept || (self.loss != Loss::Nothing && value < worker.acknowledged),
                "{value} is stored, {} was acknowledged, {:?} may have been stored",
                worker.acknowledged,
                worker.open
            );
        }
        assert!(all.succeeded > 0);
        all
    }
}

impl Worker {
    async fn run(mut self, stop: Arc<AtomicBool>, loss: Loss) -> Self {
        while !stop.load(Ordering::Relaxed) {
            self.sent += 1;
            let mut changes = Changes::new();
            changes.set("n", self.sent.to_string());
            match self.outcome.in_time(self.store.save(&self.id, &changes, NOW)).await {
                Some(Saved::Applied) => self.acknowledged = self.sent,
                Some(other) => self.outcome.wrong.push(format!("save: {other:?}")),
                None => self.open.push(self.sent),
            }
            match self.outcome.in_time(self.store.load(&self.id, Select::All, NOW)).await {
                Some(Loaded::Live { .. }) | None => {}
                Some(other) => self.outcome.wrong.push(format!("load: {other:?}")),
            }
            if loss != Loss::Anything && self.sent.is_multiple_of(10) {
                self.rotate().await;
            }
            // What fails at once is not asked a thousand times a second.
            sleep(Duration::from_millis(2)).await;
        }
        self
    }

    async fn rotate(&mut self) {
        let new = digest();
        let rotated = StoredId::new(*self.id.handle(), new);
        match self.outcome.in_time(self.store.rotate(&self.id, &new, &setting("r", "1"), NOW)).await {
            Some(Saved::Applied) => self.id = rotated,
            Some(other) => self.outcome.wrong.push(format!("rotate: {other:?}")),
            // Nobody knows which of the two ids is good, or will be: the user signs in anew.
            None => {
                self.id = id();
                while self.outcome.in_time(self.store.create(&self.id, &counting(), NOW)).await.is_none() {
                    sleep(Duration::from_millis(20)).await;
                }
                (self.sent, self.acknowledged) = (0, 0);
                self.open.clear();
            }
        }
    }
}

impl Outcome {
    /// The answer, in time; or nothing, if it is an error that says that the store cannot be used now.
    async fn in_time<T>(&mut self, answer: impl Future<Output = Result<T>>) -> Option<T> {
        let begun = Stopwatch::start();
        let answer = answer.await;
        let elapsed = begun.elapsed();
        if elapsed > IN_TIME {
            self.wrong.push(format!("an answer took {elapsed:?}"));
        }
        match answer {
            Ok(answer) => {
                self.succeeded += 1;
                Some(answer)
            }
            Err(error) => {
                self.failed += 1;
                if !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::ReadOnly)
                {
                    self.wrong.push(format!("{error:?}"));
                }
                None
            }
        }
    }
}
