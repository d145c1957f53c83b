use std::time::Duration;

use session_core::{Created, ErrorKind, Expiry, NewRecord, Saved, throttle};

use super::fixture::*;
use crate::Harness;

pub async fn the_store_stamps_all_times_with_its_own_clock(harness: &dyn Harness) {
    let store = harness.store();
    let before = store.now().await;
    let id = store.begin_with(&ends_after(HOUR)).await;
    let (record, now) = store.live_at(&id).await;
    assert!(before <= record.created && record.created <= now, "{before:?} {record:?} {now:?}");
    assert_eq!(record.last_accessed, record.created);
    assert_eq!(record.renewed_at, record.created);
}

pub async fn the_end_is_idle_and_throttle_after_the_beginning(harness: &dyn Harness) {
    let store = harness.store();
    for (touch, slack) in [
        (Duration::ZERO, Duration::ZERO),
        (MINUTE, MINUTE),
        (HOUR, 6 * MINUTE),
        (Duration::from_millis(1234), Duration::from_millis(1234)),
    ] {
        let id = id();
        store.create(&id, &ends_after(HOUR), throttled(touch)).await.unwrap();
        let record = store.live(&id).await;
        assert_eq!(throttle(touch, HOUR), slack);
        assert_eq!(record.expires_at, record.created.saturating_add(HOUR + slack), "throttle {touch:?}");
        assert_eq!((record.idle, record.end), (Some(HOUR), None));
    }
}

pub async fn the_absolute_end_is_counted_from_the_beginning(harness: &dyn Harness) {
    let store = harness.store();
    let both = Expiry::idle(HOUR).unwrap().and_absolute(MINUTE).unwrap();
    for expiry in [both, Expiry::absolute(MINUTE).unwrap()] {
        let id = store.begin_with(&NewRecord::new(expiry)).await;
        let record = store.live(&id).await;
        assert_eq!(record.end, Some(record.created.saturating_add(MINUTE)));
        assert_eq!(Some(record.expires_at), record.end);
        assert_eq!(record.idle, expiry.idle_timeout());
    }
}

pub async fn attributes_are_kept(harness: &dyn Harness) {
    let store = harness.store();
    let new = with(&[("a", "1"), ("b", "2")]);
    let id = store.begin_with(&new).await;
    let record = store.live(&id).await;
    assert_eq!(record.attributes, new.attributes);
    assert_eq!(record.principal, None, "a session is anonymous until somebody signs in");
}

pub async fn a_session_without_attributes_is_a_session(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[])).await;
    let record = store.live(&id).await;
    assert!(record.attributes.is_empty());
    assert_eq!(record.principal, None);
    assert_eq!(store.set(&id, "first", "1").await, Saved::Applied);
}

pub async fn sent_again_it_is_created_and_changes_nothing(harness: &dyn Harness) {
    let (store, id, new) = (harness.store(), id(), with(&[("kept", "value")]));
    assert_eq!(store.create(&id, &new, FRESH).await.unwrap(), Created::Created);
    store.set(&id, "kept", "changed meanwhile").await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    assert_eq!(store.create(&id, &new, FRESH).await.unwrap(), Created::Created);
    assert_eq!(store.live(&id).await, before);
}

pub async fn over_a_tombstone_it_is_gone_and_writes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    assert_eq!(store.create(&id, &with(&[("kept", "value")]), FRESH).await.unwrap(), Created::Gone);
    let other = presenting(&id, digest());
    assert_eq!(store.create(&other, &with(&[]), FRESH).await.unwrap(), Created::Gone);
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &other, FRESH, Miss::Gone).await;
}

pub async fn after_the_end_of_a_handle_where_nothing_was_it_is_gone(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.end(id.handle(), op()).await.unwrap();
    assert_eq!(store.create(&id, &with(&[]), FRESH).await.unwrap(), Created::Gone);
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn over_another_session_it_is_an_error_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    let twin = presenting(&id, digest());
    let error = store.create(&twin, &with(&[("kept", "overwritten")]), FRESH).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.live(&id).await, before);
    every_operation_misses(&*store, &twin, FRESH, Miss::Absent).await;
}

pub async fn where_a_session_has_expired_another_can_begin(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(2 * tick)).await;
    store.set(&id, "old", "value").await;
    harness.advance(3 * tick).await;
    let new = presenting(&id, digest());
    assert_eq!(store.create(&new, &with(&[("new", "value")]), FRESH).await.unwrap(), Created::Created);
    let record = store.live(&new).await;
    assert_eq!((value(&record, "old"), value(&record, "new")), (None, Some("value")));
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}
