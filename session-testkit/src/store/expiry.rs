use std::time::Duration;

use session_core::{Expiry, NewRecord, Saved, SessionStore, StoredId, TOMBSTONE_LIFE, Timestamp};

use super::fixture::*;
use crate::Harness;

/// Lets the time until the session's end pass, but for `early` ticks.
async fn advance_to_end(harness: &dyn Harness, id: &StoredId, early: u32) {
    let (record, now) = harness.store().live_at(id).await;
    let left = record.expires_at.since(now);
    harness.advance(left.saturating_sub(early * harness.tick())).await;
}

pub async fn a_session_ends_once_it_was_not_used_for_idle_and_throttle(harness: &dyn Harness) {
    let (store, tick, id) = (harness.store(), harness.tick(), id());
    store.create(&id, &ends_after(10 * tick), throttled(tick)).await.unwrap();
    let record = store.live(&id).await;
    assert_eq!(record.expires_at, record.created.saturating_add(11 * tick));
    advance_to_end(harness, &id, 3).await;
    assert_eq!(store.live(&id).await, record);
    advance_to_end(harness, &id, 0).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn while_it_is_used_it_lives_on(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(6 * tick)).await;
    for round in 0..4 {
        harness.advance(3 * tick).await;
        match round % 2 {
            0 => store.touch(&id, FRESH).await.unwrap(),
            _ => assert_eq!(store.save(&id, &touching(), FRESH).await.unwrap(), Saved::Applied),
        }
    }
    store.live(&id).await;
    harness.advance(6 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn reads_alone_do_not_keep_it_alive(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(4 * tick)).await;
    harness.advance(2 * tick).await;
    store.live(&id).await;
    harness.advance(2 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn writes_that_note_no_access_do_not_keep_it_alive(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(4 * tick)).await;
    harness.advance(2 * tick).await;
    store.set(&id, "kept", "changed").await;
    store.replace_if(&id, "other", None, Some(b"value"), FRESH).await.unwrap();
    store.take(&id, "other", FRESH).await.unwrap();
    let id = store.rotated(&id).await;
    harness.advance(2 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn the_absolute_end_comes_however_much_it_is_used(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let both = Expiry::idle(6 * tick).unwrap().and_absolute(8 * tick).unwrap();
    for expiry in [both, Expiry::absolute(8 * tick).unwrap()] {
        let id = store.begin_with(&NewRecord::new(expiry)).await;
        for _ in 0..2 {
            harness.advance(2 * tick).await;
            store.touch(&id, FRESH).await.unwrap();
            store.live(&id).await;
        }
        harness.advance(4 * tick).await;
        every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    }
}

pub async fn with_both_the_idle_end_may_come_first(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let both = Expiry::idle(2 * tick).unwrap().and_absolute(HOUR).unwrap();
    let id = store.begin_with(&NewRecord::new(both)).await;
    harness.advance(3 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn nothing_revives_an_expired_session(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(2 * tick)).await;
    harness.advance(3 * tick).await;
    for access in [FRESH, throttled(HOUR), aged(3 * tick)] {
        every_operation_misses(&*store, &id, access, Miss::Absent).await;
    }
}

pub async fn an_expired_session_is_gone_for_a_request_older_than_a_tombstone_lives(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(2 * tick)).await;
    harness.advance(3 * tick).await;
    every_operation_misses(&*store, &id, aged(TOMBSTONE_LIFE), Miss::Gone).await;
}

pub async fn an_expired_session_leaves_no_tombstone(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(2 * tick)).await;
    let id = store.rotated(&id).await;
    harness.advance(3 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    nothing_is_left(harness).await;
}

pub async fn an_expired_session_can_still_be_ended_by_its_handle(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(2 * tick)).await;
    harness.advance(3 * tick).await;
    store.end(id.handle(), op()).await.unwrap();
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn a_never_ending_session_lives(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&NewRecord::new(Expiry::never())).await;
    let record = store.live(&id).await;
    assert_eq!((record.idle, record.end, record.expires_at), (None, None, Timestamp::NEVER));
    harness.advance(4 * tick).await;
    sweep_all(&*store).await;
    assert_eq!(store.live(&id).await, record);
    let (record, now) = store.live_at(&id).await;
    assert!(!record.is_touch_due(now));
}

pub async fn times_are_exact_to_the_millisecond(harness: &dyn Harness) {
    let store = harness.store();
    for millis in [1_000_001, 1_234_567, 1_999_999] {
        let idle = Duration::from_millis(millis);
        let absolute = idle + Duration::from_millis(1);
        let expiry = Expiry::idle(idle).unwrap().and_absolute(absolute).unwrap();
        let id = store.begin_with(&NewRecord::new(expiry)).await;
        let record = store.live(&id).await;
        assert_eq!(record.idle, Some(idle));
        assert_eq!(record.end, Some(record.created.saturating_add(absolute)));
        assert_eq!(record.expires_at, record.created.saturating_add(idle));
    }
}

/// Half a second is half a second, and not none.
pub async fn a_timeout_of_less_than_a_second_is_kept(harness: &dyn Harness) {
    let store = harness.store();
    let half = Duration::from_millis(500);
    let expiry = Expiry::idle(HOUR).unwrap().and_absolute(HOUR + half).unwrap();
    let id = store.begin_with(&NewRecord::new(expiry)).await;
    let record = store.live(&id).await;
    assert_eq!(record.end, Some(record.created.saturating_add(HOUR + half)));
}

async fn every_one_misses(store: &dyn SessionStore, ids: &[StoredId]) {
    for id in ids {
        every_operation_misses(store, id, FRESH, Miss::Absent).await;
    }
}

pub async fn sessions_end_each_at_its_own_time(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let short = [store.begin_with(&ends_after(tick)).await, store.begin_with(&ends_after(2 * tick)).await];
    let long = [store.begin_with(&ends_after(20 * tick)).await, store.begin().await];
    harness.advance(3 * tick).await;
    every_one_misses(&*store, &short).await;
    for id in &long {
        store.live(id).await;
    }
}
