//! The windows of the contract that are longer than a tick: two seconds to two minutes. What they compare across a
//! wait is answers, and no times.

use std::time::Duration;

use session_core::{
    Created, ENDED_WINDOW, Expiry, NewRecord, PREVIOUS_GRACE, RENEWAL_WAIT, ROTATED_WINDOW, Renewed, Saved,
    TOMBSTONE_LIFE,
};

use super::fixture::*;
use super::renew_if_offered::{renewed, with_candidate, with_previous};
use crate::Harness;

pub async fn an_end_is_gone_only_for_requests_that_it_came_over(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    let wait = ENDED_WINDOW + SECOND;
    harness.skip(wait).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &id, aged(wait), Miss::Gone).await;
    every_operation_misses(&*store, &id, aged(TOMBSTONE_LIFE), Miss::Gone).await;
}

pub async fn an_end_by_handle_is_gone_only_for_requests_that_it_came_over(harness: &dyn Harness) {
    let store = harness.store();
    let (living, nothing) = (store.begin().await, id());
    for id in [&living, &nothing] {
        store.end(id.handle(), op()).await.unwrap();
    }
    let wait = ENDED_WINDOW + SECOND;
    harness.skip(wait).await;
    for id in [&living, &nothing] {
        every_operation_misses(&*store, id, FRESH, Miss::Absent).await;
        every_operation_misses(&*store, id, aged(wait), Miss::Gone).await;
    }
}

pub async fn a_rotation_is_gone_only_for_requests_that_it_came_over(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let new = store.rotated(&old).await;
    harness.skip(ROTATED_WINDOW - 5 * SECOND).await;
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
    let wait = ROTATED_WINDOW + SECOND;
    harness.skip(wait - (ROTATED_WINDOW - 5 * SECOND)).await;
    every_operation_misses(&*store, &old, FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &old, aged(wait), Miss::Gone).await;
    every_operation_misses(&*store, &old, aged(TOMBSTONE_LIFE), Miss::Gone).await;
    store.live(&new).await;
}

pub async fn a_delete_sent_again_late_finds_its_own_tombstone(harness: &dyn Harness) {
    let store = harness.store();
    let (id, op) = (store.begin().await, op());
    store.delete(&id, op, FRESH).await.unwrap();
    harness.skip(ENDED_WINDOW + SECOND).await;
    assert_eq!(store.delete(&id, op, FRESH).await.unwrap(), Saved::Applied);
}

pub async fn a_tombstone_refuses_a_create_for_almost_all_its_life(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    harness.skip(TOMBSTONE_LIFE - 10 * SECOND).await;
    sweep_all(&*store).await;
    assert_eq!(store.create(&id, &with(&[]), FRESH).await.unwrap(), Created::Gone);
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &id, aged(TOMBSTONE_LIFE), Miss::Gone).await;
}

pub async fn a_tombstone_lives_two_minutes(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    store.delete(&id, op(), FRESH).await.unwrap();
    harness.skip(TOMBSTONE_LIFE + SECOND).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &id, aged(TOMBSTONE_LIFE), Miss::Gone).await;
    assert_eq!(store.create(&id, &with(&[]), FRESH).await.unwrap(), Created::Created);
}

pub async fn nothing_is_left_after_the_last_end(harness: &dyn Harness) {
    let store = harness.store();
    for number in 0..100_u32 {
        let expiry = if number % 2 == 0 { Expiry::never() } else { Expiry::idle(HOUR).unwrap() };
        let id = store.begin_with(&NewRecord::new(expiry)).await;
        store.set(&id, "name", "value").await;
        let id = if number % 3 == 0 { store.rotated(&id).await } else { id };
        match number % 5 {
            0 => store.end(id.handle(), op()).await.unwrap(),
            1 => store.end(&handle(), op()).await.unwrap(),
            _ => {}
        }
        store.delete(&id, op(), FRESH).await.unwrap();
    }
    harness.skip(TOMBSTONE_LIFE + SECOND).await;
    nothing_is_left(harness).await;
}

pub async fn if_renewal_is_offered_the_previous_id_is_good_for_its_grace_only(harness: &dyn Harness) {
    let store = harness.store();
    let Some((previous, current)) = with_previous(&*store).await else { return };
    harness.skip(PREVIOUS_GRACE - 10 * SECOND).await;
    store.live(&previous).await;
    harness.skip(11 * SECOND).await;
    every_operation_misses(&*store, &previous, FRESH, Miss::Absent).await;
    store.live(&current).await;
}

pub async fn if_renewal_is_offered_the_grace_begins_when_the_candidate_is_shown(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, candidate)) = with_candidate(&*store).await else { return };
    harness.skip(PREVIOUS_GRACE + SECOND).await;
    store.live(&current).await;
    store.live(&candidate).await;
    store.live(&current).await;
}

pub async fn if_renewal_is_offered_a_candidate_waits_a_minute_to_be_shown(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, lost)) = with_candidate(&*store).await else { return };
    harness.skip(RENEWAL_WAIT + 5 * SECOND).await;
    let next = presenting(&current, digest());
    let renewal = store.capabilities().renewal.unwrap();
    let early = renewal.renew(&current, next.digest(), aged(10 * SECOND)).await.unwrap();
    assert_eq!(early, Renewed::NotDue, "for a request that arrived within the minute");
    assert_eq!(renewed(&*store, &current, &next).await, Some(Renewed::Issued));
    every_operation_misses(&*store, &lost, FRESH, Miss::Absent).await;
    store.live(&next).await;
    store.live(&current).await;
}

pub async fn a_session_lives_through_a_long_pause_within_its_idle_timeout(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&ends_after(150 * SECOND)).await;
    store.set(&id, "kept", "value").await;
    harness.skip(Duration::from_secs(121)).await;
    sweep_all(&*store).await;
    assert_eq!(value(&*store.live(&id).await, "kept"), Some("value"));
}
