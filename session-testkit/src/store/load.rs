use session_core::{Load, Record, Select, SessionStore, StoredId, throttle};
use std::sync::Arc;

use super::fixture::*;
use crate::Harness;

async fn selected(store: &dyn SessionStore, id: &StoredId, select: Select<'_>) -> Arc<Record> {
    match store.load(id, select, FRESH).await.unwrap() {
        Load::Live { record, .. } => record,
        dead => panic!("the session is {dead:?}"),
    }
}

pub async fn all_selects_every_attribute(harness: &dyn Harness) {
    let store = harness.store();
    let new = with(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let id = store.begin_with(&new).await;
    assert_eq!(selected(&*store, &id, Select::All).await.attributes, new.attributes);
}

pub async fn only_selects_those_named_as_far_as_they_exist(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("a", "1"), ("b", "2"), ("c", "3")])).await;
    let record = selected(&*store, &id, Select::Only(&["c", "a", "none"])).await;
    assert_eq!(record.attributes, with(&[("a", "1"), ("c", "3")]).attributes);
    assert!(selected(&*store, &id, Select::Only(&["none"])).await.attributes.is_empty());
    assert!(selected(&*store, &id, Select::Only(&[])).await.attributes.is_empty());
}

pub async fn metadata_selects_no_attribute(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert!(selected(&*store, &id, Select::Metadata).await.attributes.is_empty());
}

pub async fn the_metadata_comes_whole_with_every_selection(harness: &dyn Harness) {
    let store = harness.store();
    let mut new = with(&[("a", "1")]);
    new.expiry = new.expiry.and_absolute(2 * HOUR).unwrap();
    let id = store.begin_with(&new).await;
    harness.advance(harness.tick()).await;
    store.touch(&id, FRESH).await.unwrap();
    let id = store.rotated(&id).await;
    let mut whole = Record::clone(&*selected(&*store, &id, Select::All).await);
    whole.attributes.clear();
    assert_ne!(whole.renewed_at, whole.created);
    assert_ne!(whole.last_accessed, whole.created);
    for select in [Select::Only(&[]), Select::Only(&["none"]), Select::Metadata] {
        assert_eq!(*selected(&*store, &id, select).await, whole, "{select:?}");
    }
}

pub async fn it_notes_no_access(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    let (after, now) = store.live_at(&id).await;
    assert!(after.is_touch_due(now), "the touch is due, and not the load's to do");
    assert_eq!(after, before);
    assert_eq!(store.live(&id).await, before);
}

pub async fn it_tells_the_stores_clock(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin().await;
    let (record, before) = store.live_at(&id).await;
    assert!(before >= record.created);
    harness.advance(tick).await;
    let (record, after) = store.live_at(&id).await;
    assert!(after.since(record.created) >= tick - tick / 10, "{record:?} {after:?}");
}

pub async fn a_touch_is_due_once_the_throttle_is_used_up(harness: &dyn Harness) {
    let (store, tick, id) = (harness.store(), harness.tick(), id());
    let idle = 20 * tick;
    store.create(&id, &ends_after(idle), throttled(2 * tick)).await.unwrap();
    assert_eq!(throttle(2 * tick, idle), 2 * tick);
    let (record, now) = store.live_at(&id).await;
    assert!(!record.is_touch_due(now));
    harness.advance(3 * tick).await;
    let (record, now) = store.live_at(&id).await;
    assert!(record.is_touch_due(now));
}
