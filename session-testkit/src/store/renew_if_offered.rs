use session_core::{Digest, Load, Record, Renewed, Saved, Select, SessionStore, StoredId};

use super::fixture::*;
use crate::Harness;

/// What the store says to a renewal; `None` if it offers none.
pub(super) async fn renewed(store: &dyn SessionStore, id: &StoredId, new: &StoredId) -> Option<Renewed> {
    let renewal = store.capabilities().renewal?;
    Some(renewal.renew(id, new.digest(), FRESH).await.unwrap())
}

/// A session, its current id and its candidate; `None` if the store offers no renewal.
pub(super) async fn with_candidate(store: &dyn SessionStore) -> Option<(StoredId, StoredId)> {
    let id = store.begin().await;
    let candidate = presenting(&id, digest());
    let answer = renewed(store, &id, &candidate).await?;
    assert_eq!(answer, Renewed::Issued);
    Some((id, candidate))
}

/// The same after the candidate was shown: the previous id, and the current one.
pub(super) async fn with_previous(store: &dyn SessionStore) -> Option<(StoredId, StoredId)> {
    let (previous, current) = with_candidate(store).await?;
    store.live(&current).await;
    Some((previous, current))
}

pub async fn the_current_id_and_the_candidate_are_both_good(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, candidate)) = with_candidate(&*store).await else { return };
    assert_eq!(store.set(&current, "by", "current").await, Saved::Applied);
    assert_eq!(store.set(&candidate, "by", "candidate").await, Saved::Applied);
    assert_eq!(value(&*store.live(&current).await, "by"), Some("candidate"));
    store.live(&candidate).await;
    store.live(&current).await;
}

pub async fn nothing_in_the_session_changes(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    if renewed(&*store, &id, &presenting(&id, digest())).await.is_some() {
        assert_eq!(store.live(&id).await, before);
    }
}

pub async fn sent_again_it_is_issued(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, candidate)) = with_candidate(&*store).await else { return };
    for _ in 0..3 {
        assert_eq!(renewed(&*store, &current, &candidate).await, Some(Renewed::Issued));
    }
    store.live(&candidate).await;
}

pub async fn it_is_not_due_while_a_candidate_waits(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, candidate)) = with_candidate(&*store).await else { return };
    let another = presenting(&current, digest());
    assert_eq!(renewed(&*store, &current, &another).await, Some(Renewed::NotDue));
    every_operation_misses(&*store, &another, FRESH, Miss::Absent).await;
    store.live(&candidate).await;
}

pub async fn under_the_candidate_it_is_not_due(harness: &dyn Harness) {
    let store = harness.store();
    let Some((_, candidate)) = with_candidate(&*store).await else { return };
    let another = presenting(&candidate, digest());
    assert_eq!(renewed(&*store, &candidate, &another).await, Some(Renewed::NotDue));
    every_operation_misses(&*store, &another, FRESH, Miss::Absent).await;
}

pub async fn under_the_previous_id_it_is_not_due(harness: &dyn Harness) {
    let store = harness.store();
    let Some((previous, _)) = with_previous(&*store).await else { return };
    let another = presenting(&previous, digest());
    assert_eq!(renewed(&*store, &previous, &another).await, Some(Renewed::NotDue));
    every_operation_misses(&*store, &another, FRESH, Miss::Absent).await;
}

pub async fn a_candidate_that_is_shown_becomes_the_current_id(harness: &dyn Harness) {
    let store = harness.store();
    let Some((_, current)) = with_previous(&*store).await else { return };
    let next = presenting(&current, digest());
    assert_eq!(renewed(&*store, &current, &next).await, Some(Renewed::Issued));
    store.live(&next).await;
}

pub async fn a_candidate_is_shown_by_a_load_of_any_selection(harness: &dyn Harness) {
    let store = harness.store();
    for select in [Select::Only(&["kept"]), Select::Metadata] {
        let Some((_, candidate)) = with_candidate(&*store).await else { return };
        store.load(&candidate, select, FRESH).await.unwrap();
        let next = presenting(&candidate, digest());
        assert_eq!(renewed(&*store, &candidate, &next).await, Some(Renewed::Issued), "{select:?}");
    }
}

pub async fn showing_the_candidate_changes_only_when_the_id_was_issued(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let mut expected = Record::clone(&*store.live(&id).await);
    harness.advance(harness.tick()).await;
    let candidate = presenting(&id, digest());
    if renewed(&*store, &id, &candidate).await.is_none() {
        return;
    }
    let (record, now) = store.live_at(&candidate).await;
    assert!(expected.renewed_at < record.renewed_at && record.renewed_at <= now, "{record:?}");
    expected.renewed_at = record.renewed_at;
    assert_eq!(*record, expected);
    assert_eq!(*store.live(&candidate).await, expected, "shown again");
}

pub async fn a_load_of_any_selection_tells_when_the_shown_candidate_was_issued(harness: &dyn Harness) {
    let store = harness.store();
    for select in [Select::Only(&["kept"]), Select::Metadata] {
        let id = store.begin().await;
        harness.advance(harness.tick()).await;
        let candidate = presenting(&id, digest());
        if renewed(&*store, &id, &candidate).await.is_none() {
            return;
        }
        let Load::Live { record, .. } = store.load(&candidate, select, FRESH).await.unwrap() else {
            panic!("the candidate is good");
        };
        assert!(record.renewed_at > record.created, "{record:?}");
        assert_eq!(record.renewed_at, store.live(&candidate).await.renewed_at);
    }
}

pub async fn the_previous_id_stays_good_for_every_operation(harness: &dyn Harness) {
    let store = harness.store();
    let Some((previous, current)) = with_previous(&*store).await else { return };
    store.live(&previous).await;
    assert_eq!(store.set(&previous, "counter", "1").await, Saved::Applied);
    let swapped = store.replace_if(&previous, "counter", Some(b"1"), Some(b"2"), FRESH).await.unwrap();
    assert!(swapped == session_core::Swapped::Applied);
    assert!(store.take(&previous, "counter", FRESH).await.unwrap() == session_core::Taken::Value(bytes("2")));
    store.live(&current).await;
    assert_eq!(store.delete(&previous, op(), FRESH).await.unwrap(), Saved::Applied);
    every_operation_misses(&*store, &current, FRESH, Miss::Gone).await;
}

pub async fn showing_the_previous_id_does_not_make_it_current(harness: &dyn Harness) {
    let store = harness.store();
    let Some((previous, current)) = with_previous(&*store).await else { return };
    store.live(&previous).await;
    let next = presenting(&current, digest());
    assert_eq!(renewed(&*store, &previous, &next).await, Some(Renewed::NotDue));
    assert_eq!(renewed(&*store, &current, &next).await, Some(Renewed::Issued));
}

pub async fn the_id_before_the_previous_one_is_absent(harness: &dyn Harness) {
    let store = harness.store();
    let Some((first, second)) = with_previous(&*store).await else { return };
    let third = presenting(&first, digest());
    assert_eq!(renewed(&*store, &second, &third).await, Some(Renewed::Issued));
    store.live(&third).await;
    every_operation_misses(&*store, &first, FRESH, Miss::Absent).await;
    store.live(&second).await;
}

pub async fn a_rotation_clears_the_candidate(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, candidate)) = with_candidate(&*store).await else { return };
    let rotated = store.rotated(&current).await;
    every_operation_misses(&*store, &candidate, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &current, FRESH, Miss::Gone).await;
    store.live(&rotated).await;
}

pub async fn a_rotation_clears_the_previous_id(harness: &dyn Harness) {
    let store = harness.store();
    let Some((previous, current)) = with_previous(&*store).await else { return };
    let rotated = store.rotated(&current).await;
    every_operation_misses(&*store, &previous, FRESH, Miss::Gone).await;
    every_operation_misses(&*store, &current, FRESH, Miss::Gone).await;
    store.live(&rotated).await;
}

/// A planted id never rides into a login, whichever of the ids the login presents.
pub async fn a_rotation_under_any_good_id_ends_all_of_them(harness: &dyn Harness) {
    let store = harness.store();
    for shown in [false, true] {
        for presented in [0, 1] {
            let Some((old, candidate)) = with_candidate(&*store).await else { return };
            if shown {
                store.live(&candidate).await;
            }
            let ids = [old, candidate];
            let rotated = store.rotated(&ids[presented]).await;
            for id in &ids {
                every_operation_misses(&*store, id, FRESH, Miss::Gone).await;
            }
            store.live(&rotated).await;
        }
    }
}

pub async fn after_a_rotation_it_is_due_again(harness: &dyn Harness) {
    let store = harness.store();
    let Some((current, _)) = with_candidate(&*store).await else { return };
    let rotated = store.rotated(&current).await;
    let next = presenting(&rotated, digest());
    assert_eq!(renewed(&*store, &rotated, &next).await, Some(Renewed::Issued));
    store.live(&next).await;
}

pub async fn an_end_takes_the_candidate_and_the_previous_id_with_it(harness: &dyn Harness) {
    let store = harness.store();
    let Some((first, second)) = with_previous(&*store).await else { return };
    let third = presenting(&first, digest());
    renewed(&*store, &second, &third).await;
    store.delete(&second, op(), FRESH).await.unwrap();
    for id in [first, second, third] {
        every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
    }
}

pub async fn a_digest_is_issued_for_one_session_only(harness: &dyn Harness) {
    let store = harness.store();
    let Some((_, candidate)) = with_candidate(&*store).await else { return };
    let other: StoredId = store.begin().await;
    let crossed: Digest = *candidate.digest();
    every_operation_misses(&*store, &presenting(&other, crossed), FRESH, Miss::Absent).await;
}
