use std::time::Duration;

use session_core::{Created, Digest, Load, Select, StoredId, TOMBSTONE_LIFE};

use super::fixture::*;
use crate::Harness;

pub async fn an_unknown_id_is_absent_for_every_operation(harness: &dyn Harness) {
    every_operation_misses(&*harness.store(), &id(), FRESH, Miss::Absent).await;
}

pub async fn an_unknown_id_is_never_adopted(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    assert_eq!(harness.leftovers().await, 0, "a miss wrote something");
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    assert_eq!(store.create(&id, &with(&[]), FRESH).await.unwrap(), Created::Created);
}

pub async fn nothing_there_is_gone_for_a_request_older_than_a_tombstone_lives(harness: &dyn Harness) {
    every_operation_misses(&*harness.store(), &id(), aged(TOMBSTONE_LIFE), Miss::Gone).await;
    every_operation_misses(&*harness.store(), &id(), aged(10 * TOMBSTONE_LIFE), Miss::Gone).await;
}

pub async fn nothing_there_is_absent_for_a_request_a_little_younger_than_that(harness: &dyn Harness) {
    let age = TOMBSTONE_LIFE - Duration::from_millis(1);
    every_operation_misses(&*harness.store(), &id(), aged(age), Miss::Absent).await;
}

pub async fn a_wrong_secret_is_absent_for_every_operation_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    every_operation_misses(&*store, &presenting(&id, digest()), FRESH, Miss::Absent).await;
    assert_eq!(store.live(&id).await, before);
}

pub async fn a_wrong_secret_stays_absent_however_old_the_request_is(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    let forged = presenting(&id, digest());
    every_operation_misses(&*store, &forged, aged(10 * TOMBSTONE_LIFE), Miss::Absent).await;
    assert_eq!(store.live(&id).await, before);
}

pub async fn a_live_session_matches_however_old_the_request_is(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let loaded = store.load(&id, Select::All, aged(10 * TOMBSTONE_LIFE)).await.unwrap();
    assert!(matches!(loaded, Load::Live { .. }), "{loaded:?}");
}

pub async fn a_secret_opens_its_own_session_only(harness: &dyn Harness) {
    let store = harness.store();
    let (one, other) = (store.begin().await, store.begin().await);
    let crossed = presenting(&other, *one.digest());
    every_operation_misses(&*store, &crossed, FRESH, Miss::Absent).await;
    let _ = (store.live(&one).await, store.live(&other).await);
}

pub async fn what_happens_to_one_session_does_not_touch_another(harness: &dyn Harness) {
    let store = harness.store();
    let (one, other) = (store.begin().await, store.begin().await);
    let before = store.live(&other).await;
    store.set(&one, "kept", "changed").await;
    store.take(&one, "kept", FRESH).await.unwrap();
    let one = store.rotated(&one).await;
    store.delete(&one, op(), FRESH).await.unwrap();
    assert_eq!(store.live(&other).await, before);
}

pub async fn debug_of_a_store_shows_no_digest_and_no_value(harness: &dyn Harness) {
    let store = harness.store();
    let id = StoredId::new(handle(), Digest::from_bytes(*b"digest-of-secret"));
    store.create(&id, &with(&[("password", "hunter2")]), FRESH).await.unwrap();
    let text = format!("{store:?} {store:#?}");
    for secret in ["hunter2", "digest-of-secret", &format!("{:?}", b"digest-of-secret")] {
        assert!(!text.contains(secret), "{text}");
    }
}
