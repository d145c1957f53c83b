use std::time::Duration;

use session_core::{Changes, Expiry, NewRecord, Record, Saved, Timestamp};

use super::fixture::*;
use crate::Harness;

pub async fn it_sets_and_removes_only_what_it_names(harness: &dyn Harness) {
    let store = harness.store();
    let new = with(&[("changed", "1"), ("removed", "2"), ("kept", "3")]);
    let id = store.begin_with(&new).await;
    let mut expected = Record::clone(&*store.live(&id).await);
    harness.advance(harness.tick()).await;

    let mut changes = setting("changed", "4");
    changes.set("added", bytes("5"));
    changes.remove("removed");
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);

    expected.attributes = with(&[("changed", "4"), ("kept", "3"), ("added", "5")]).attributes;
    assert_eq!(*store.live(&id).await, expected);
}

pub async fn removing_what_is_not_there_is_applied(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    let mut changes = Changes::new();
    changes.remove("none");
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.live(&id).await, before);
}

pub async fn the_last_attribute_can_be_removed(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let mut changes = Changes::new();
    changes.remove("kept");
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert!(store.live(&id).await.attributes.is_empty());
    assert_eq!(store.set(&id, "again", "1").await, Saved::Applied);
    assert_eq!(value(&*store.live(&id).await, "again"), Some("1"));
}

pub async fn no_change_is_applied_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    assert_eq!(store.save(&id, &Changes::new(), FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.live(&id).await, before);
}

pub async fn without_being_asked_it_notes_no_access(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    store.set(&id, "kept", "changed").await;
    let after = store.live(&id).await;
    assert_eq!((after.last_accessed, after.expires_at), (before.last_accessed, before.expires_at));
}

pub async fn asked_to_it_notes_the_access_when_that_is_due(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    let mut changes = setting("kept", "changed");
    changes.touch = true;
    assert_eq!(store.save(&id, &changes, throttled(MINUTE)).await.unwrap(), Saved::Applied);
    let after = store.live(&id).await;
    assert!(after.last_accessed > before.last_accessed);
    assert_eq!(after.expires_at, after.last_accessed.saturating_add(HOUR + MINUTE));
    assert_eq!(value(&after, "kept"), Some("changed"));
}

pub async fn asked_to_it_does_not_when_it_is_not_due(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id());
    store.create(&id, &ends_after(HOUR), throttled(MINUTE)).await.unwrap();
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    let mut changes = setting("name", "value");
    changes.touch = true;
    assert_eq!(store.save(&id, &changes, throttled(MINUTE)).await.unwrap(), Saved::Applied);
    let after = store.live(&id).await;
    assert_eq!((after.last_accessed, after.expires_at), (before.last_accessed, before.expires_at));
    assert_eq!(value(&after, "name"), Some("value"));
}

pub async fn a_new_idle_timeout_counts_from_now(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    for (idle, slack) in [(2 * HOUR, MINUTE), (MINUTE, 6 * SECOND), (HOUR, MINUTE)] {
        let changes = idle_of(Some(idle));
        assert_eq!(store.save(&id, &changes, throttled(MINUTE)).await.unwrap(), Saved::Applied);
        let after = store.live(&id).await;
        assert_eq!(after.idle, Some(idle));
        assert!(after.last_accessed > before.last_accessed);
        assert_eq!(after.expires_at, after.last_accessed.saturating_add(idle + slack));
    }
}

pub async fn without_an_idle_timeout_a_session_lives_until_its_absolute_end(harness: &dyn Harness) {
    let store = harness.store();
    let both = Expiry::idle(MINUTE).unwrap().and_absolute(HOUR).unwrap();
    let id = store.begin_with(&NewRecord::new(both)).await;
    assert_eq!(store.save(&id, &idle_of(None), FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert_eq!((record.idle, Some(record.expires_at)), (None, record.end));
    assert_eq!(record.end, Some(record.created.saturating_add(HOUR)));
}

pub async fn without_any_timeout_it_never_ends_and_can_be_given_one_again(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    assert_eq!(store.save(&id, &idle_of(None), FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert_eq!((record.idle, record.end, record.expires_at), (None, None, Timestamp::NEVER));
    assert_eq!(store.save(&id, &idle_of(Some(HOUR)), FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert_eq!(record.expires_at, record.last_accessed.saturating_add(HOUR));
}

pub async fn a_new_idle_timeout_never_reaches_beyond_the_absolute_end(harness: &dyn Harness) {
    let store = harness.store();
    let both = Expiry::idle(MINUTE).unwrap().and_absolute(HOUR).unwrap();
    let id = store.begin_with(&NewRecord::new(both)).await;
    let before = store.live(&id).await;
    assert_eq!(store.save(&id, &idle_of(Some(9 * HOUR)), throttled(MINUTE)).await.unwrap(), Saved::Applied);
    let after = store.live(&id).await;
    assert_eq!((after.end, Some(after.expires_at)), (before.end, before.end));
}

pub async fn a_new_absolute_timeout_counts_from_now(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let before = store.live(&id).await;
    harness.advance(harness.tick()).await;
    for absolute in [MINUTE, 9 * HOUR] {
        let mut changes = Changes::new();
        changes.absolute = Some(Some(absolute));
        assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
        let after = store.live(&id).await;
        assert!(after.last_accessed > before.last_accessed);
        assert_eq!(after.end, Some(after.last_accessed.saturating_add(absolute)));
        assert_eq!(after.expires_at, after.last_accessed.saturating_add(absolute.min(HOUR)));
    }
    let mut changes = Changes::new();
    changes.absolute = Some(None);
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    let after = store.live(&id).await;
    assert_eq!((after.idle, after.end), (Some(HOUR), None));
    assert_eq!(after.expires_at, after.last_accessed.saturating_add(HOUR));
}

pub async fn a_shorter_timeout_ends_the_session_sooner(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin().await;
    assert_eq!(store.save(&id, &idle_of(Some(2 * tick)), FRESH).await.unwrap(), Saved::Applied);
    harness.advance(3 * tick).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn a_longer_timeout_keeps_the_session_longer(harness: &dyn Harness) {
    let (store, tick) = (harness.store(), harness.tick());
    let id = store.begin_with(&ends_after(4 * tick)).await;
    assert_eq!(store.save(&id, &idle_of(Some(HOUR)), FRESH).await.unwrap(), Saved::Applied);
    harness.advance(6 * tick).await;
    store.live(&id).await;
}

pub async fn everything_changes_together(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin().await;
    let mut changes = setting("added", "1");
    changes.remove("kept");
    changes.idle = Some(Some(MINUTE));
    changes.absolute = Some(Some(2 * HOUR));
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    let record = store.live(&id).await;
    assert_eq!(record.attributes, with(&[("added", "1")]).attributes);
    assert_eq!(record.idle, Some(MINUTE));
    assert_eq!(record.end, Some(record.last_accessed.saturating_add(2 * HOUR)));
    assert_eq!(record.expires_at, record.last_accessed.saturating_add(MINUTE));
}

pub async fn what_is_saved_is_seen_by_the_next_load_of_any_node(harness: &dyn Harness) {
    let (one, other) = (harness.store(), harness.store());
    let id = one.begin().await;
    for round in 0..20 {
        let text = round.to_string();
        one.set(&id, "round", &text).await;
        assert_eq!(value(&*other.live(&id).await, "round"), Some(&*text));
    }
}

/// The longest time that a record may hold, and one that no clock can add.
const LONG: [Duration; 2] = [Duration::from_secs(1000 * 366 * 24 * 3600), Duration::MAX];

pub async fn the_longest_timeouts_do_not_overflow(harness: &dyn Harness) {
    let store = harness.store();
    for long in LONG {
        let id = store.begin_with(&ends_after(long)).await;
        let record = store.live(&id).await;
        assert_eq!(record.expires_at, record.created.saturating_add(long));
        let mut changes = idle_of(Some(long));
        changes.absolute = Some(Some(long));
        assert_eq!(store.save(&id, &changes, throttled(long)).await.unwrap(), Saved::Applied);
        let record = store.live(&id).await;
        assert_eq!(record.end, Some(record.last_accessed.saturating_add(long)));
        assert_eq!(Some(record.expires_at), record.end);
    }
}
