//! A store that cannot be reached for a while: every operation fails in time meanwhile, and succeeds as soon as it is
//! over. A test says how the outage begins and how it ends: a server stopped, killed, cut off.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ErrorKind, Result, Select, SessionStore, StoredId};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Stopwatch;
use crate::sample::{NOW, StoreExt as _, counting, digest, id, op, setting};

/// The default budget of an operation, and what telling its end may add.
pub const IN_TIME: Duration = Duration::from_millis(2200);
/// So soon after the end of an outage the store must be back.
pub const ONE_SECOND: Duration = Duration::from_secs(1);

/// What became of an operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Its name.
    pub operation: &'static str,
    /// How long it took, as a [`Stopwatch`] sees it.
    pub elapsed: Duration,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
}

/// Every operation at several moments of a long outage, and again after it.
pub async fn lasts_long(store: Arc<dyn SessionStore>, begins: impl FnOnce(), ends: impl FnOnce()) {
    let ids = begin_all(&*store).await;
    begins();
    let mut waves = JoinSet::new();
    for delay in [0, 300, 1000, 2500] {
        let (store, ids) = (Arc::clone(&store), ids.clone());
        waves.spawn(async move {
            sleep(Duration::from_millis(delay)).await;
            every_operation(&*store, &ids).await
        });
    }
    for wave in waves.join_all().await {
        fail_in_time(&wave);
    }
    ends();
    is_over(&*store).await;
}

/// One operation is there to notice a short outage. What comes a second after its end is not harmed by it.
pub async fn lasts_shortly(store: Arc<dyn SessionStore>, begins: impl FnOnce(), ends: impl FnOnce()) {
    let ids = begin_all(&*store).await;
    begins();
    let (asked, noticing) = (Arc::clone(&store), ids[0].clone());
    let notices = tokio::spawn(async move { timed("load", asked.load(&noticing, Select::All, NOW)).await });
    sleep(Duration::from_millis(500)).await;
    ends();
    Stopwatch::start().reaches(ONE_SECOND).await;
    succeed(&every_operation(&*store, &ids).await);
    assert!(notices.await.unwrap().elapsed < IN_TIME);
}

/// The outage has just ended: within a second the store is back, with every operation.
pub async fn is_over(store: &dyn SessionStore) {
    let back = Stopwatch::start();
    while store.load(&id(), Select::All, NOW).await.is_err() {
        assert!(back.elapsed() < ONE_SECOND, "nothing succeeds a second after the server's return");
    }
    assert!(back.elapsed() < ONE_SECOND, "the first success took {:?}", back.elapsed());
    let ids = begin_all(store).await;
    succeed(&every_operation(store, &ids).await);
}

/// The sessions for [`every_operation`].
pub async fn begin_all(store: &dyn SessionStore) -> Vec<StoredId> {
    let mut ids = Vec::new();
    for _ in 0..9 {
        ids.push(store.begin().await);
    }
    ids
}

/// All operations at once, each on a session of its own: those of [`begin_all`].
pub async fn every_operation(store: &dyn SessionStore, ids: &[StoredId]) -> Vec<Outcome> {
    let (new, fresh, changes) = (digest(), id(), setting("a", "1"));
    let record = counting();
    let renewal = store.capabilities().renewal.unwrap();
    let (create, load, touch, save, rotate, renew, delete, end, take, replace) = tokio::join!(
        timed("create", store.create(&fresh, &record, NOW)),
        timed("load", store.load(&ids[0], Select::All, NOW)),
        timed("touch", store.touch(&ids[1], NOW)),
        timed("save", store.save(&ids[2], &changes, NOW)),
        timed("rotate", store.rotate(&ids[3], &new, &changes, NOW)),
        timed("renew", renewal.renew(&ids[4], &new, NOW)),
        timed("delete", store.delete(&ids[5], op(), NOW)),
        timed("end", store.end(ids[6].handle(), op())),
        timed("take", store.take(&ids[7], "n", NOW)),
        timed("replace_if", store.replace_if(&ids[8], "n", Some(b"0"), Some(b"1"), NOW)),
    );
    vec![create, load, touch, save, rotate, renew, delete, end, take, replace]
}

/// An operation, by its name, and what becomes of it.
pub async fn timed<T>(operation: &'static str, answer: impl Future<Output = Result<T>>) -> Outcome {
    let begun = Stopwatch::start();
    let error = answer.await.err().map(|error| error.kind());
    Outcome { operation, elapsed: begun.elapsed(), error }
}

/// None of them failed.
pub fn succeed(outcomes: &[Outcome]) {
    for Outcome { operation, error, .. } in outcomes {
        assert_eq!(*error, None, "{operation}");
    }
}

/// Each of them failed, [`IN_TIME`], and said that the store cannot be reached.
pub fn fail_in_time(outcomes: &[Outcome]) {
    for Outcome { operation, elapsed, error } in outcomes {
        assert!(*elapsed < IN_TIME, "{operation} took {elapsed:?}");
        assert!(matches!(error, Some(ErrorKind::Timeout | ErrorKind::Unavailable)), "{operation}: {error:?}");
    }
}
