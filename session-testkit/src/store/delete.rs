use session_core::{Expiry, NewRecord, Saved};

use super::fixture::*;
use crate::Harness;

pub async fn the_session_is_gone_for_every_operation(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied);
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &id, aged(HOUR), Miss::Gone).await;
}

pub async fn sent_again_with_its_own_operation_it_is_applied(harness: &dyn Harness) {
    let store = harness.store();
    let (id, op) = (store.begin().await, op());
    for _ in 0..3 {
        assert_eq!(store.delete(&id, op, FRESH).await.unwrap(), Saved::Applied);
    }
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    assert_eq!(store.delete(&id, op, FRESH).await.unwrap(), Saved::Applied);
}

pub async fn another_operation_finds_it_gone(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Gone);
}

pub async fn it_ends_a_never_ending_session(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&NewRecord::new(Expiry::never())).await;
    assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied);
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn one_that_misses_leaves_nothing_behind(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Absent);
    assert_eq!(harness.leftovers().await, 0);
}

pub async fn it_ends_a_rotated_session_under_its_new_id(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let new = store.rotated(&old).await;
    assert_eq!(store.delete(&new, op(), FRESH).await.unwrap(), Saved::Applied);
    every_operation_misses(&*store, &new, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
}
