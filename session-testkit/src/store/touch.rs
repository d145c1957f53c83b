use std::time::Duration;

use session_core::{Expiry, NewRecord, Record, Timestamp};

use super::fixture::*;
use crate::Harness;

pub async fn when_due_it_moves_the_last_access_and_the_end(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(300 * tick)).await;
    let mut expected = Record::clone(&*store.live(&id).await);
    for slack in [Duration::ZERO, 20 * tick] {
        harness.advance(tick).await;
        store.touch(&id, throttled(slack)).await.unwrap();
        let (after, now) = store.live_at(&id).await;
        assert!(expected.last_accessed < after.last_accessed && after.last_accessed <= now);
        expected.last_accessed = after.last_accessed;
        expected.expires_at = after.last_accessed.saturating_add(300 * tick + slack);
        assert_eq!(*after, expected, "throttle {slack:?}");
    }
}

pub async fn the_end_moves_by_idle_and_throttle(harness: &dyn Harness) {
    let store = harness.store();
    for (touch, slack) in [(SECOND, SECOND), (MINUTE, MINUTE), (HOUR, 6 * MINUTE)] {
        let id = store.begin_with(&ends_after(HOUR)).await;
        harness.advance(harness.tick() / 10).await;
        store.touch(&id, throttled(touch)).await.unwrap();
        let record = store.live(&id).await;
        assert_eq!(record.expires_at, record.last_accessed.saturating_add(HOUR + slack), "{touch:?}");
    }
}

pub async fn when_not_due_the_end_stays(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.create(&id, &ends_after(HOUR), throttled(MINUTE)).await.unwrap();
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    store.touch(&id, throttled(MINUTE)).await.unwrap();
    assert_eq!(store.live(&id).await.expires_at, before.expires_at);
}

pub async fn a_node_with_a_shorter_throttle_ends_no_session_earlier(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.create(&id, &ends_after(HOUR), throttled(MINUTE)).await.unwrap();
    let before = store.live(&id).await;
    for touch in [Duration::ZERO, SECOND] {
        store.touch(&id, throttled(touch)).await.unwrap();
        assert_eq!(store.live(&id).await.expires_at, before.expires_at);
    }
}

pub async fn without_throttle_every_access_moves_the_end(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&ends_after(HOUR)).await;
    let mut last = store.live(&id).await;
    for _ in 0..3 {
        harness.advance(harness.tick() / 10).await;
        store.touch(&id, FRESH).await.unwrap();
        let record = store.live(&id).await;
        assert!(record.last_accessed > last.last_accessed);
        assert_eq!(record.expires_at, record.last_accessed.saturating_add(HOUR));
        last = record;
    }
}

pub async fn it_reads_the_idle_timeout_from_the_record(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&ends_after(HOUR)).await;
    store.save(&id, &idle_of(Some(2 * HOUR)), FRESH).await.unwrap();
    harness.advance(harness.tick() / 10).await;
    store.touch(&id, throttled(HOUR)).await.unwrap();
    let record = store.live(&id).await;
    assert_eq!(record.idle, Some(2 * HOUR));
    assert_eq!(record.expires_at, record.last_accessed.saturating_add(2 * HOUR + 12 * MINUTE));
}

pub async fn it_never_moves_the_end_beyond_the_absolute_one(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let expiry = Expiry::idle(HOUR).unwrap().and_absolute(HOUR + tick).unwrap();
    let id = store.begin_with(&NewRecord::new(expiry)).await;
    harness.advance(2 * tick).await;
    store.touch(&id, FRESH).await.unwrap();
    let record = store.live(&id).await;
    assert_eq!(record.end, Some(record.created.saturating_add(HOUR + tick)));
    assert_eq!(Some(record.expires_at), record.end);
}

pub async fn without_an_idle_timeout_it_moves_no_end(harness: &dyn Harness) {
    let store = harness.store();
    for expiry in [Expiry::never(), Expiry::absolute(HOUR).unwrap()] {
        let id = store.begin_with(&NewRecord::new(expiry)).await;
        let before = store.live(&id).await;
        harness.advance(harness.tick()).await;
        store.touch(&id, throttled(MINUTE)).await.unwrap();
        let after = store.live(&id).await;
        assert_eq!((after.end, after.expires_at), (before.end, before.expires_at));
        assert_eq!(after.expires_at == Timestamp::NEVER, expiry == Expiry::never());
    }
}

pub async fn the_last_access_is_noted_also_when_the_end_stays(harness: &dyn Harness) {
    let store = harness.store();
    for expiry in [Expiry::never(), Expiry::absolute(HOUR).unwrap(), Expiry::idle(HOUR).unwrap()] {
        let id = id();
        store.create(&id, &NewRecord::new(expiry), throttled(MINUTE)).await.unwrap();
        let before = store.live(&id).await;
        harness.advance(harness.tick()).await;
        store.touch(&id, throttled(MINUTE)).await.unwrap();
        let after = store.live(&id).await;
        assert!(after.last_accessed > before.last_accessed, "{after:?}");
        assert_eq!(after.expires_at, before.expires_at);
    }
}

pub async fn it_changes_no_attribute(harness: &dyn Harness) {
    let store = harness.store();
    let new = with(&[("a", "1"), ("b", "2")]);
    let id = store.begin_with(&new).await;
    harness.advance(harness.tick()).await;
    store.touch(&id, FRESH).await.unwrap();
    let record = store.live(&id).await;
    assert_eq!(record.attributes, new.attributes);
    assert_eq!(record.renewed_at, record.created);
}

pub async fn of_nothing_it_is_success_and_creates_nothing(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.touch(&id, FRESH).await.unwrap();
    store.touch(&id, aged(HOUR)).await.unwrap();
    assert_eq!(harness.leftovers().await, 0);
}

pub async fn of_an_ended_session_it_is_success_and_revives_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    store.touch(&id, FRESH).await.unwrap();
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn sent_again_it_changes_nothing_but_the_time(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    for _ in 0..3 {
        store.touch(&id, FRESH).await.unwrap();
        let record = store.live(&id).await;
        assert!(record.last_accessed >= before.last_accessed);
        assert_eq!(record.expires_at, record.last_accessed.saturating_add(HOUR));
    }
}
