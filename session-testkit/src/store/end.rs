use session_core::{Expiry, NewRecord, Saved};

use super::fixture::*;
use crate::Harness;

pub async fn the_session_is_gone_whatever_its_digest(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let new = store.rotated(&old).await;
    store.end(old.handle(), op()).await.unwrap();
    every_operation_misses(&*store, &new, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &presenting(&old, digest()), FRESH, Miss::Gone).await;
}

pub async fn sent_again_it_is_done(harness: &dyn Harness) {
    let store = harness.store();
    let (id, op) = (store.begin().await, op());
    for _ in 0..3 {
        store.end(id.handle(), op).await.unwrap();
        every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    }
}

pub async fn by_several_administrators_it_is_done(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    for _ in 0..3 {
        store.end(id.handle(), op()).await.unwrap();
        every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    }
}

pub async fn its_own_operation_is_found_by_a_delete(harness: &dyn Harness) {
    let store = harness.store();
    let (id, op) = (store.begin().await, op());
    store.end(id.handle(), op).await.unwrap();
    assert_eq!(store.delete(&id, op, FRESH).await.unwrap(), Saved::Applied);
}

pub async fn a_delete_before_it_still_finds_its_own_operation(harness: &dyn Harness) {
    let store = harness.store();
    let (id, op_of_delete) = (store.begin().await, op());
    assert_eq!(store.delete(&id, op_of_delete, FRESH).await.unwrap(), Saved::Applied);
    store.end(id.handle(), op()).await.unwrap();
    assert_eq!(store.delete(&id, op_of_delete, FRESH).await.unwrap(), Saved::Applied);
}

pub async fn it_leaves_a_tombstone_also_where_nothing_was(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.end(id.handle(), op()).await.unwrap();
    assert_eq!(harness.leftovers().await, 1);
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn it_ends_a_never_ending_session(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&NewRecord::new(Expiry::never())).await;
    store.end(id.handle(), op()).await.unwrap();
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn it_ends_no_other_session(harness: &dyn Harness) {
    let store = harness.store();
    let (one, other) = (store.begin().await, store.begin().await);
    let before = store.live(&other).await;
    store.end(one.handle(), op()).await.unwrap();
    assert_eq!(store.live(&other).await, before);
}
