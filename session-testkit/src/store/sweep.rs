use session_core::{Expiry, NewRecord, Saved};

use super::fixture::*;
use crate::Harness;

pub async fn nothing_is_left_of_what_has_expired(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    for number in 0..200_u32 {
        let id = store.begin_with(&ends_after(2 * tick)).await;
        match number % 4 {
            0 => assert_eq!(store.set(&id, "more", "value").await, Saved::Applied),
            1 => {
                store.rotated(&id).await;
            }
            2 => store.touch(&id, FRESH).await.unwrap(),
            _ => {}
        }
    }
    harness.advance(3 * tick).await;
    nothing_is_left(harness).await;
}

pub async fn what_lives_stays(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let mut living = Vec::new();
    for _ in 0..20 {
        store.begin_with(&ends_after(2 * tick)).await;
        living.push(store.begin().await);
        living.push(store.begin_with(&NewRecord::new(Expiry::never())).await);
    }
    harness.advance(3 * tick).await;
    sweep_all(&*store).await;
    for id in &living {
        assert_eq!(value(&*store.live(id).await, "kept").is_some(), store.live(id).await.idle.is_some());
    }
}

pub async fn a_tombstone_stays_while_it_is_needed(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    sweep_all(&*store).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn if_offered_it_keeps_its_limit_and_says_how_many(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let Some(sweep) = store.capabilities().sweep else { return };
    for _ in 0..10 {
        store.begin_with(&ends_after(6 * tick)).await;
    }
    store.begin().await;
    assert_eq!(sweep.sweep(100).await.unwrap(), 0);
    harness.advance(7 * tick).await;
    assert_eq!(sweep.sweep(4).await.unwrap(), 4);
    assert_eq!(sweep.sweep(4).await.unwrap(), 4);
    assert_eq!(sweep.sweep(4).await.unwrap(), 2);
    assert_eq!(sweep.sweep(4).await.unwrap(), 0);
    assert_eq!(harness.leftovers().await, 1);
}
