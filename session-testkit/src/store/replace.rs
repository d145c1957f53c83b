use session_core::{Record, SessionStore, StoredId, Swapped};

use super::fixture::*;
use crate::Harness;

async fn replaced(store: &dyn SessionStore, id: &StoredId, old: Option<&str>, new: Option<&str>) -> Swapped {
    let (old, new) = (old.map(str::as_bytes), new.map(str::as_bytes));
    store.replace_if(id, "counter", old, new, FRESH).await.unwrap()
}

fn conflict(stored: Option<&str>) -> Swapped {
    Swapped::Conflict(stored.map(bytes))
}

async fn stored(store: &dyn SessionStore, id: &StoredId) -> Option<String> {
    value(&*store.live(id).await, "counter").map(str::to_owned)
}

pub async fn the_expected_value_is_replaced(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "1")])).await;
    assert!(replaced(&*store, &id, Some("1"), Some("2")).await == Swapped::Applied);
    assert_eq!(stored(&*store, &id).await.as_deref(), Some("2"));
}

pub async fn the_expected_value_is_removed(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "1")])).await;
    assert!(replaced(&*store, &id, Some("1"), None).await == Swapped::Applied);
    assert_eq!(stored(&*store, &id).await, None);
}

pub async fn where_none_is_expected_and_none_is_it_is_set(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert!(replaced(&*store, &id, None, Some("1")).await == Swapped::Applied);
    assert_eq!(stored(&*store, &id).await.as_deref(), Some("1"));
}

pub async fn where_none_is_expected_and_none_is_wanted_nothing_happens(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    assert!(replaced(&*store, &id, None, None).await == Swapped::Applied);
    assert_eq!(store.live(&id).await, before);
}

pub async fn any_other_value_is_a_conflict_that_shows_it(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "1")])).await;
    for old in [Some("0"), Some(""), Some("1 "), Some("11"), None] {
        for new in [Some("2"), Some("1"), None] {
            assert!(replaced(&*store, &id, old, new).await == conflict(Some("1")), "{old:?} to {new:?}");
        }
    }
    assert_eq!(stored(&*store, &id).await.as_deref(), Some("1"));
}

pub async fn a_missing_value_is_a_conflict_that_says_so(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    for old in [Some("1"), Some("")] {
        for new in [Some("2"), None] {
            assert!(replaced(&*store, &id, old, new).await == conflict(None), "{old:?} to {new:?}");
        }
    }
    assert_eq!(stored(&*store, &id).await, None);
}

pub async fn an_empty_value_is_not_a_missing_one(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "")])).await;
    assert!(replaced(&*store, &id, None, Some("1")).await == conflict(Some("")));
    assert!(replaced(&*store, &id, Some(""), Some("1")).await == Swapped::Applied);
    assert!(replaced(&*store, &id, Some("1"), Some("")).await == Swapped::Applied);
    assert_eq!(stored(&*store, &id).await.as_deref(), Some(""));
}

pub async fn the_same_value_can_be_written_over_itself(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "1")])).await;
    assert!(replaced(&*store, &id, Some("1"), Some("1")).await == Swapped::Applied);
    assert_eq!(stored(&*store, &id).await.as_deref(), Some("1"));
}

pub async fn nothing_else_changes(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("counter", "1"), ("kept", "value")])).await;
    let mut expected = Record::clone(&*store.live(&id).await);
    harness.advance(harness.tick()).await;
    assert!(replaced(&*store, &id, Some("1"), Some("2")).await == Swapped::Applied);
    assert!(replaced(&*store, &id, Some("1"), Some("3")).await == conflict(Some("2")));
    expected.attributes.insert("counter".into(), bytes("2"));
    assert_eq!(*store.live(&id).await, expected);
}
