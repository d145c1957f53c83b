use session_core::{Record, Taken};

use super::fixture::*;
use crate::Harness;

pub async fn the_value_is_returned_once(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("once", "code")])).await;
    assert!(store.take(&id, "once", FRESH).await.unwrap() == Taken::Value(bytes("code")));
    for _ in 0..3 {
        assert_eq!(store.take(&id, "once", FRESH).await.unwrap(), Taken::Nothing);
    }
    assert_eq!(value(&*store.live(&id).await, "once"), None);
}

pub async fn of_an_attribute_that_is_not_there_it_is_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    assert_eq!(store.take(&id, "none", FRESH).await.unwrap(), Taken::Nothing);
    assert_eq!(store.live(&id).await, before);
}

pub async fn nothing_else_changes(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("once", "code"), ("kept", "value")])).await;
    let mut expected = Record::clone(&*store.live(&id).await);
    harness.advance(harness.tick()).await;
    store.take(&id, "once", FRESH).await.unwrap();
    expected.attributes.remove("once");
    assert_eq!(*store.live(&id).await, expected);
}

pub async fn an_empty_value_is_a_value(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("empty", "")])).await;
    assert!(store.take(&id, "empty", FRESH).await.unwrap() == Taken::Value(bytes("")));
    assert_eq!(store.take(&id, "empty", FRESH).await.unwrap(), Taken::Nothing);
}

pub async fn what_was_taken_can_be_set_and_taken_again(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    for text in ["first", "second"] {
        store.set(&id, "once", text).await;
        assert!(store.take(&id, "once", FRESH).await.unwrap() == Taken::Value(bytes(text)));
    }
}

pub async fn the_last_attribute_can_be_taken(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert!(store.take(&id, "kept", FRESH).await.unwrap() == Taken::Value(bytes("value")));
    assert!(store.live(&id).await.attributes.is_empty());
}
