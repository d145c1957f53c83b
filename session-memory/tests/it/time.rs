use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use session_core::{Changes, Expiry, Load, NewRecord, Record, Saved, SessionStore, StoredId, TOMBSTONE_LIFE};
use session_memory::MemoryStore;

use crate::{FRESH, MINUTE, begin, id, load, op, setting, with_clock};

async fn live(store: &MemoryStore, id: &StoredId) -> Record {
    match load(store, id).await {
        Load::Live { record, .. } => Record::clone(&record),
        dead => panic!("{dead:?}"),
    }
}

#[tokio::test]
async fn exactly_at_its_end_a_session_has_ended_and_a_millisecond_before_it_has_not() {
    let (store, clock) = with_clock(|settings| settings);
    let id = begin(&store, MINUTE).await;
    clock.advance(MINUTE - Duration::from_millis(1));
    live(&store, &id).await;
    clock.advance(Duration::from_millis(1));
    assert_eq!(load(&store, &id).await, Load::Absent);
    assert_eq!(store.save(&id, &setting("late"), FRESH).await.unwrap(), Saved::Absent);
}

#[tokio::test]
async fn the_last_access_does_not_go_back_with_the_clock() {
    let (store, clock) = with_clock(|settings| settings);
    let id = begin(&store, MINUTE).await;
    let before = live(&store, &id).await;
    clock.set_back(MINUTE / 2);
    store.touch(&id, FRESH).await.unwrap();
    let mut touching = Changes::new();
    touching.touch = true;
    assert_eq!(store.save(&id, &touching, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(live(&store, &id).await, before);
}

/// The cache underneath measures time by itself: it must not end a session that our clock has alive.
#[tokio::test]
async fn a_clock_that_stands_still_ends_nothing() {
    let (store, _) = with_clock(|settings| settings);
    let id = begin(&store, Duration::from_millis(1)).await;
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(20) {
        live(&store, &id).await;
    }
    assert_eq!(store.held(), 1);
}

#[tokio::test]
async fn a_sweep_leaves_what_lives_and_what_must_be_remembered() {
    let (store, clock) = with_clock(|settings| settings);
    let (short, long) = (begin(&store, MINUTE).await, begin(&store, 10 * MINUTE).await);
    let never = id();
    store.create(&never, &NewRecord::new(Expiry::never()), FRESH).await.unwrap();
    let sweep = store.capabilities().sweep.unwrap();

    clock.advance(MINUTE);
    assert_eq!(sweep.sweep(10).await.unwrap(), 1, "the short one");
    assert_eq!(load(&store, &short).await, Load::Absent);

    store.end(long.handle(), op()).await.unwrap();
    clock.advance(TOMBSTONE_LIFE - Duration::from_millis(1));
    assert_eq!(sweep.sweep(10).await.unwrap(), 0);
    clock.advance(Duration::from_millis(1));
    assert_eq!(sweep.sweep(10).await.unwrap(), 1, "the tombstone");
    assert_eq!(store.held(), 1);
    live(&store, &never).await;
}

#[tokio::test]
async fn a_sweep_of_many_lets_other_tasks_run() {
    let (store, clock) = with_clock(|settings| settings);
    for _ in 0..1000 {
        begin(&store, MINUTE).await;
    }
    clock.advance(MINUTE);
    let (finished, turns) = (AtomicBool::new(false), AtomicUsize::new(0));
    let sweeping = async {
        assert_eq!(store.capabilities().sweep.unwrap().sweep(2000).await.unwrap(), 1000);
        finished.store(true, Relaxed);
    };
    let others = async {
        while !finished.load(Relaxed) {
            turns.fetch_add(1, Relaxed);
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(sweeping, others);
    assert!(turns.load(Relaxed) >= 3);
}
