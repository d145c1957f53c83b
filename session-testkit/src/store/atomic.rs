//! An operation whose caller goes away is applied whole or not at all.

use std::future::Future;
use std::pin::pin;

use session_core::{Changes, Load, Saved, Select, SessionLimit, SessionStore, SignedIn, StoredId, Taken};

use super::fixture::*;
use super::principals_if_offered::{found, revoke};
use super::sign_in_if_offered::{sign_in, signed_in};
use crate::Harness;

/// Polls the operation this often, lets others go on between, and drops it.
async fn dropped_after(polls: usize, operation: impl Future) {
    let mut operation = pin!(operation);
    for _ in 0..polls {
        tokio::select! {
            biased;
            _ = &mut operation => return,
            () = tokio::task::yield_now() => {}
        }
    }
}

/// After how many polls the operations are dropped.
fn moments(harness: &dyn Harness) -> impl Iterator<Item = usize> {
    (0..harness.repetitions().min(200)).map(|round| round % 40)
}

/// The same for operations of several commands.
fn later_moments(harness: &dyn Harness) -> impl Iterator<Item = usize> {
    (0..harness.repetitions().min(200)).map(|round| round * 7 % 150)
}

async fn is_alive(store: &dyn SessionStore, id: &StoredId) -> bool {
    matches!(store.load(id, Select::Metadata, FRESH).await.unwrap(), Load::Live { .. })
}

pub async fn a_create_that_is_dropped_leaves_a_whole_session_or_none(harness: &dyn Harness) {
    let store = harness.store();
    let new = with(&[("a", "1"), ("b", "2")]);
    for polls in moments(harness) {
        let id = id();
        dropped_after(polls, store.create(&id, &new, FRESH)).await;
        for _ in 0..3 {
            match store.load(&id, Select::All, FRESH).await.unwrap() {
                Load::Live { record, .. } => {
                    assert_eq!(record.attributes, new.attributes);
                    assert_eq!(record.expires_at, record.created.saturating_add(HOUR));
                }
                Load::Absent => {}
                Load::Gone => panic!("nobody has ended it"),
            }
        }
    }
}

pub async fn a_save_that_is_dropped_is_applied_whole_or_not_at_all(harness: &dyn Harness) {
    let store = harness.store();
    let id = store.begin_with(&with(&[("a", "0"), ("b", "0")])).await;
    for (round, polls) in moments(harness).enumerate() {
        let text = (round + 1).to_string();
        let mut changes = setting("a", &text);
        changes.set("b", bytes(&text));
        dropped_after(polls, store.save(&id, &changes, FRESH)).await;
        for _ in 0..3 {
            let record = store.live(&id).await;
            assert_eq!(value(&record, "a"), value(&record, "b"));
        }
    }
}

pub async fn a_rotation_that_is_dropped_leaves_one_id_good(harness: &dyn Harness) {
    let store = harness.store();
    for polls in moments(harness) {
        let old = store.begin().await;
        let new = presenting(&old, digest());
        dropped_after(polls, store.rotate(&old, new.digest(), &setting("kept", "changed"), FRESH)).await;
        // Sent again it succeeds, whatever became of the first; then the matter is settled.
        let again = store.rotate(&old, new.digest(), &setting("kept", "changed"), FRESH).await.unwrap();
        assert_eq!(again, Saved::Applied);
        assert_eq!(value(&*store.live(&new).await, "kept"), Some("changed"));
        every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
    }
}

pub async fn a_delete_that_is_dropped_can_be_sent_again(harness: &dyn Harness) {
    let store = harness.store();
    for polls in moments(harness) {
        let (id, op) = (store.begin().await, op());
        dropped_after(polls, store.delete(&id, op, FRESH)).await;
        assert_eq!(store.delete(&id, op, FRESH).await.unwrap(), Saved::Applied);
        assert_eq!(store.save(&id, &Changes::new(), FRESH).await.unwrap(), Saved::Gone);
    }
}

pub async fn a_take_that_is_dropped_hands_the_value_to_nobody_else_twice(harness: &dyn Harness) {
    let store = harness.store();
    for polls in moments(harness) {
        let id = store.begin().await;
        dropped_after(polls, store.take(&id, "kept", FRESH)).await;
        let second = store.take(&id, "kept", FRESH).await.unwrap();
        let third = store.take(&id, "kept", FRESH).await.unwrap();
        assert!(third == Taken::Nothing, "taken after {second:?}");
    }
}

pub async fn if_principals_are_offered_a_sign_in_that_is_dropped_leaves_none_unlisted_and_none_too_many(
    harness: &dyn Harness,
) {
    let store = harness.store();
    let limit = SessionLimit::evict_oldest(1).unwrap();
    for (round, polls) in later_moments(harness).enumerate() {
        let name = format!("ada {round}");
        let Some(first) = signed_in(&*store, &name).await else { return };
        let Some(principals) = store.capabilities().principals else { return };
        let old = store.begin().await;
        let request = signing_in(&name).with_limit(limit);
        let second = presenting(&old, request.new);
        dropped_after(polls, principals.sign_in(&old, &request, FRESH)).await;
        // None of them comes back: seen in this order, both are alive at once.
        let both = is_alive(&*store, &second).await && is_alive(&*store, &first).await;
        assert!(!both, "dropped after {polls} polls");

        let third = store.begin().await;
        let third = sign_in(principals, &third, signing_in(&name).with_limit(limit)).await;
        assert!(!is_alive(&*store, &first).await && !is_alive(&*store, &second).await);
        assert_eq!(revoke(principals, &name, None).await, 1);
        assert!(!is_alive(&*store, &third).await);
        assert!(found(principals, &name).await.is_empty());
    }
}

pub async fn if_principals_are_offered_a_logout_everywhere_that_is_dropped_can_be_done_again(
    harness: &dyn Harness,
) {
    let store = harness.store();
    for (round, polls) in later_moments(harness).enumerate() {
        let name = format!("ada {round}");
        let mut ids = Vec::new();
        for _ in 0..3 {
            let Some(id) = signed_in(&*store, &name).await else { return };
            ids.push(id);
        }
        let Some(principals) = store.capabilities().principals else { return };
        dropped_after(polls, revoke(principals, &name, None)).await;
        revoke(principals, &name, None).await;
        for id in &ids {
            assert!(!is_alive(&*store, id).await, "dropped after {polls} polls");
        }
        assert!(found(principals, &name).await.is_empty());
    }
}

pub async fn if_principals_are_offered_a_logout_that_is_dropped_takes_no_place_of_the_limit(
    harness: &dyn Harness,
) {
    let store = harness.store();
    let limit = SessionLimit::reject(1).unwrap();
    for (round, polls) in later_moments(harness).enumerate() {
        let name = format!("ada {round}");
        let Some(first) = signed_in(&*store, &name).await else { return };
        let Some(principals) = store.capabilities().principals else { return };
        dropped_after(polls, store.delete(&first, op(), FRESH)).await;
        let ended = !is_alive(&*store, &first).await;
        let second = store.begin().await;
        let answer = principals.sign_in(&second, &signing_in(&name).with_limit(limit), FRESH).await.unwrap();
        // Alive when it was looked at, it may have ended since.
        assert!(answer == SignedIn::Applied || !ended, "{answer:?} after {polls} polls");
    }
}
