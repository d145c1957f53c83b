use session_core::{Changes, Record, Saved};

use super::fixture::*;
use crate::Harness;

pub async fn the_new_id_opens_the_session_and_the_old_one_is_worth_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let new = store.rotated(&old).await;
    let before = store.live(&new).await;
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
    assert_eq!(store.live(&new).await, before);
}

pub async fn the_session_stays_the_same_but_for_when_its_id_was_issued(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin_with(&with(&[("a", "1"), ("b", "2")])).await;
    let mut expected = Record::clone(&*store.live(&old).await);
    harness.advance(harness.tick()).await;
    let new = store.rotated(&old).await;
    let (record, now) = store.live_at(&new).await;
    assert!(expected.renewed_at < record.renewed_at && record.renewed_at <= now);
    expected.renewed_at = record.renewed_at;
    assert_eq!(*record, expected);
}

pub async fn it_carries_the_pending_changes(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    harness.advance(harness.tick()).await;
    let mut changes = setting("added", "1");
    changes.remove("kept");
    changes.idle = Some(Some(2 * HOUR));
    changes.absolute = Some(Some(HOUR));
    let new = presenting(&old, digest());
    assert_eq!(store.rotate(&old, new.digest(), &changes, FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&new).await;
    assert_eq!(record.attributes, with(&[("added", "1")]).attributes);
    assert_eq!(record.idle, Some(2 * HOUR));
    assert_eq!(record.end, Some(record.last_accessed.saturating_add(HOUR)));
    assert_eq!(Some(record.expires_at), record.end);
}

pub async fn it_notes_the_access_when_asked_to_and_due(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let before = store.live(&old).await;
    harness.advance(harness.tick()).await;
    let new = presenting(&old, digest());
    store.rotate(&old, new.digest(), &touching(), FRESH).await.unwrap();
    let after = store.live(&new).await;
    assert!(after.last_accessed > before.last_accessed);
    assert_eq!(after.expires_at, after.last_accessed.saturating_add(HOUR));
}

pub async fn sent_again_it_is_applied_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let (new, changes) = (presenting(&old, digest()), setting("kept", "rotated"));
    assert_eq!(store.rotate(&old, new.digest(), &changes, FRESH).await.unwrap(), Saved::Applied);
    store.set(&new, "kept", "changed meanwhile").await;
    let before = store.live(&new).await;
    harness.advance(harness.tick()).await;
    assert_eq!(store.rotate(&old, new.digest(), &changes, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.live(&new).await, before);
}

pub async fn sent_again_after_another_rotation_it_is_gone(harness: &dyn Harness) {
    let store = harness.store();
    let first = store.begin().await;
    let second = store.rotated(&first).await;
    let third = store.rotated(&second).await;
    let again = store.rotate(&first, second.digest(), &setting("kept", "again"), FRESH).await.unwrap();
    assert_eq!(again, Saved::Gone);
    assert_eq!(value(&*store.live(&third).await, "kept"), Some("value"));
}

pub async fn none_of_the_earlier_ids_is_ever_good_again(harness: &dyn Harness) {
    let store = harness.store();
    let mut ids = vec![store.begin().await];
    for _ in 0..5 {
        ids.push(store.rotated(&ids[ids.len() - 1]).await);
    }
    let current = ids.pop().unwrap();
    for old in &ids {
        every_operation_misses(&*store, old, FRESH, Miss::Gone).await;
    }
    store.live(&current).await;
}

pub async fn the_handle_stays_and_nothing_is_copied(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = harness.leftovers().await;
    let id = store.rotated(&id).await;
    assert_eq!(harness.leftovers().await, before);
    store.end(id.handle(), op()).await.unwrap();
    every_operation_misses(&*store, &id, FRESH, Miss::Gone).await;
}

pub async fn an_old_id_rotates_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin().await;
    let new = store.rotated(&old).await;
    let stolen = presenting(&old, digest());
    assert_eq!(store.rotate(&old, stolen.digest(), &Changes::new(), FRESH).await.unwrap(), Saved::Gone);
    store.live(&new).await;
    every_operation_misses(&*store, &stolen, FRESH, Miss::Gone).await;
}

pub async fn a_never_ending_session_can_be_rotated(harness: &dyn Harness) {
    let store = harness.store();
    let old = store.begin_with(&session_core::NewRecord::new(session_core::Expiry::never())).await;
    let new = store.rotated(&old).await;
    assert_eq!(store.live(&new).await.expires_at, session_core::Timestamp::NEVER);
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
}
