//! What several nodes do to one session in the same moment, [`Harness::repetitions`] times.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Created, ErrorKind, Load, Renewed, Saved, Select, SessionStore, StoredId, Swapped, Taken,
};

use super::fixture::*;
use super::renew_if_offered::with_candidate;
use super::together::{both, racer, together};
use crate::Harness;

const MANY: usize = 64;

type Store = Arc<dyn SessionStore>;

async fn save(store: Store, id: StoredId, name: &'static str, value: String) -> Saved {
    store.set(&id, name, &value).await
}

async fn delete(store: Store, id: StoredId) -> Saved {
    store.delete(&id, op(), FRESH).await.unwrap()
}

async fn end(store: Store, id: StoredId) {
    store.end(id.handle(), op()).await.unwrap();
}

async fn rotate(store: Store, id: StoredId, new: StoredId, by: &'static str) -> Saved {
    store.rotate(&id, new.digest(), &setting("by", by), FRESH).await.unwrap()
}

async fn load(store: Store, id: StoredId) -> Load {
    store.load(&id, Select::All, FRESH).await.unwrap()
}

/// Ended over the head of a request that arrived before the race, however slow the machine is.
async fn is_gone(store: &dyn SessionStore, id: &StoredId) {
    assert_eq!(store.load(id, Select::All, aged(Duration::from_secs(60))).await.unwrap(), Load::Gone);
}

fn a_hundredth(harness: &dyn Harness) -> usize {
    harness.repetitions().div_ceil(100)
}

pub async fn different_attributes_set_at_once_both_survive(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let id = store.begin().await;
    for round in 0..harness.repetitions() {
        let text = round.to_string();
        let saved = both(
            save(store.clone(), id.clone(), "a", text.clone()),
            save(other.clone(), id.clone(), "b", text.clone()),
        );
        assert_eq!(saved.await, (Saved::Applied, Saved::Applied));
        let record = store.live(&id).await;
        assert_eq!((value(&record, "a"), value(&record, "b")), (Some(&*text), Some(&*text)));
    }
}

pub async fn an_attribute_set_and_another_removed_at_once_are_both_done(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let id = store.begin().await;
    for round in 0..harness.repetitions() {
        let text = round.to_string();
        store.set(&id, "b", &text).await;
        let removing = {
            let (id, other) = (id.clone(), other.clone());
            async move { other.take(&id, "b", FRESH).await.unwrap() }
        };
        let (saved, taken) = both(save(store.clone(), id.clone(), "a", text.clone()), removing).await;
        assert_eq!(saved, Saved::Applied);
        assert!(taken == Taken::Value(bytes(&text)));
        let record = store.live(&id).await;
        assert_eq!((value(&record, "a"), value(&record, "b")), (Some(&*text), None));
    }
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

pub async fn eight_attributes_set_at_once_all_survive(harness: &dyn Harness) {
    let stores: Vec<_> = NAMES.map(|_| harness.store()).into();
    let id = stores[0].begin_with(&with(&[])).await;
    for round in 0..a_hundredth(harness) {
        let text = round.to_string();
        let racers = NAMES.iter().zip(&stores);
        let racers =
            racers.map(|(name, store)| racer(save(store.clone(), id.clone(), name, text.clone()))).collect();
        assert!(together(racers).await.iter().all(|saved| *saved == Saved::Applied));
        let record = stores[0].live(&id).await;
        assert_eq!(record.attributes, with(&NAMES.map(|name| (name, &*text))).attributes);
    }
}

pub async fn a_load_sees_all_of_a_save_or_nothing(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let id = store.begin_with(&with(&[("a", "0"), ("b", "0")])).await;
    for round in 0..harness.repetitions() {
        let (text, id2, writer) = (round.to_string(), id.clone(), store.clone());
        let saving = async move {
            let mut changes = setting("a", &text);
            changes.set("b", bytes(&text));
            writer.save(&id2, &changes, FRESH).await.unwrap()
        };
        let (saved, loaded) = both(saving, load(other.clone(), id.clone())).await;
        assert_eq!(saved, Saved::Applied);
        let Load::Live { record, .. } = loaded else { panic!("the session is {loaded:?}") };
        assert_eq!(value(&record, "a"), value(&record, "b"));
    }
}

pub async fn a_save_never_revives_what_is_deleted(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        let (saved, deleted) =
            both(save(store.clone(), id.clone(), "late", "1".into()), delete(other.clone(), id.clone()))
                .await;
        assert!(matches!(saved, Saved::Applied | Saved::Gone), "{saved:?}");
        assert_eq!(deleted, Saved::Applied);
        is_gone(&*store, &id).await;
        assert_ne!(store.set(&id, "late", "2").await, Saved::Applied);
    }
}

pub async fn a_save_never_revives_what_is_ended_by_its_handle(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        let saving = save(store.clone(), id.clone(), "late", "1".into());
        let (saved, ()) = both(saving, end(other.clone(), id.clone())).await;
        assert!(matches!(saved, Saved::Applied | Saved::Gone), "{saved:?}");
        is_gone(&*store, &id).await;
    }
}

pub async fn a_touch_never_revives_what_is_deleted(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        let (toucher, touched) = (store.clone(), id.clone());
        let touching = async move { toucher.touch(&touched, FRESH).await.unwrap() };
        let ((), deleted) = both(touching, delete(other.clone(), id.clone())).await;
        assert_eq!(deleted, Saved::Applied);
        is_gone(&*store, &id).await;
    }
}

pub async fn a_save_racing_a_rotation_is_whole_in_the_session_or_gone(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let old = store.begin().await;
        let new = presenting(&old, digest());
        let (saved, rotated) = both(
            save(store.clone(), old.clone(), "late", "1".into()),
            rotate(other.clone(), old.clone(), new.clone(), "rotation"),
        )
        .await;
        assert_eq!(rotated, Saved::Applied);
        let record = store.live(&new).await;
        match saved {
            Saved::Applied => assert_eq!(value(&record, "late"), Some("1")),
            Saved::Gone => assert_eq!(value(&record, "late"), None),
            Saved::Absent => panic!("it was rotated over the request's head"),
        }
        is_gone(&*store, &old).await;
    }
}

pub async fn one_of_two_rotations_wins(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let old = store.begin().await;
        let (one, two) = (presenting(&old, digest()), presenting(&old, digest()));
        let answers = both(
            rotate(store.clone(), old.clone(), one.clone(), "one"),
            rotate(other.clone(), old.clone(), two.clone(), "two"),
        );
        let (winner, loser, by) = match answers.await {
            (Saved::Applied, Saved::Gone) => (one, two, "one"),
            (Saved::Gone, Saved::Applied) => (two, one, "two"),
            answers => panic!("{answers:?}"),
        };
        assert_eq!(value(&*store.live(&winner).await, "by"), Some(by));
        is_gone(&*store, &loser).await;
        is_gone(&*store, &old).await;
    }
}

pub async fn a_rotation_or_the_delete_under_the_same_id_wins(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let old = store.begin().await;
        let new = presenting(&old, digest());
        let rotating = rotate(store.clone(), old.clone(), new.clone(), "rotation");
        match both(rotating, delete(other.clone(), old.clone())).await {
            (Saved::Applied, Saved::Gone) => drop(store.live(&new).await),
            (Saved::Gone, Saved::Applied) => is_gone(&*store, &new).await,
            answers => panic!("{answers:?}"),
        }
        is_gone(&*store, &old).await;
    }
}

pub async fn one_of_two_deletes_is_applied(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        match both(delete(store.clone(), id.clone()), delete(other.clone(), id.clone())).await {
            (Saved::Applied, Saved::Gone) | (Saved::Gone, Saved::Applied) => {}
            answers => panic!("{answers:?}"),
        }
    }
}

pub async fn a_delete_sent_twice_at_once_is_applied_to_both(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let (id, op) = (store.begin().await, op());
        let sent = |store: Store, id: StoredId| async move { store.delete(&id, op, FRESH).await.unwrap() };
        let answers = both(sent(store.clone(), id.clone()), sent(other.clone(), id.clone())).await;
        assert_eq!(answers, (Saved::Applied, Saved::Applied));
    }
}

pub async fn a_create_sent_twice_at_once_makes_one_session(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let (id, new) = (id(), with(&[("a", "1")]));
        let sent = |store: Store, id: StoredId| {
            let new = new.clone();
            async move { store.create(&id, &new, FRESH).await.unwrap() }
        };
        let answers = both(sent(store.clone(), id.clone()), sent(other.clone(), id.clone())).await;
        assert_eq!(answers, (Created::Created, Created::Created));
        assert_eq!(store.live(&id).await.attributes, new.attributes);
    }
}

pub async fn one_of_two_sessions_with_the_same_locator_begins(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let one = id();
        let two = presenting(&one, digest());
        let sent = |store: Store, id: StoredId, name: &'static str| async move {
            store.create(&id, &with(&[(name, name)]), FRESH).await
        };
        let answers =
            both(sent(store.clone(), one.clone(), "one"), sent(other.clone(), two.clone(), "two")).await;
        let (winner, name, error) = match answers {
            (Ok(Created::Created), Err(error)) => (one, "one", error),
            (Err(error), Ok(Created::Created)) => (two, "two", error),
            answers => panic!("{answers:?}"),
        };
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(store.live(&winner).await.attributes, with(&[(name, name)]).attributes);
    }
}

pub async fn a_create_does_not_outlive_the_end_of_its_handle(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = id();
        let (creator, created) = (store.clone(), id.clone());
        let creating = async move { creator.create(&created, &with(&[]), FRESH).await.unwrap() };
        let (created, ()) = both(creating, end(other.clone(), id.clone())).await;
        assert!(matches!(created, Created::Created | Created::Gone));
        is_gone(&*store, &id).await;
    }
}

pub async fn one_of_sixty_four_takers_gets_the_value(harness: &dyn Harness) {
    let stores: Vec<_> = (0..MANY).map(|_| harness.store()).collect();
    let id = stores[0].begin().await;
    for round in 0..a_hundredth(harness) {
        let text = round.to_string();
        stores[0].set(&id, "once", &text).await;
        let racers = stores.iter().cloned().map(|store| {
            let id = id.clone();
            racer(async move { store.take(&id, "once", FRESH).await.unwrap() })
        });
        let taken = together(racers.collect()).await;
        let (winners, losers): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|taken| *taken == Taken::Value(bytes(&text)));
        assert_eq!(winners.len(), 1);
        assert!(losers.iter().all(|taken| *taken == Taken::Nothing), "{losers:?}");
    }
}

pub async fn one_of_two_takers_gets_the_value(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let id = store.begin().await;
    for round in 0..harness.repetitions() {
        let value = bytes(&round.to_string());
        store.set(&id, "once", &round.to_string()).await;
        let take = |store: Store, id: StoredId| async move { store.take(&id, "once", FRESH).await.unwrap() };
        let (one, two) = both(take(store.clone(), id.clone()), take(other.clone(), id.clone())).await;
        let taken = [&one, &two].map(|taken| *taken == Taken::Value(value.clone()));
        assert!(taken == [true, false] || taken == [false, true], "{one:?}, {two:?}");
    }
}

async fn increment(store: Store, id: StoredId) {
    let mut old: Option<bytes::Bytes> = None;
    loop {
        let count: u32 = old.as_deref().map_or(0, |text| std::str::from_utf8(text).unwrap().parse().unwrap());
        let new = (count + 1).to_string();
        match store.replace_if(&id, "count", old.as_deref(), Some(new.as_bytes()), FRESH).await.unwrap() {
            Swapped::Applied => return,
            Swapped::Conflict(stored) => old = stored,
            dead => panic!("the session is {dead:?}"),
        }
    }
}

pub async fn sixty_four_increments_at_once_make_sixty_four(harness: &dyn Harness) {
    let stores: Vec<_> = (0..MANY).map(|_| harness.store()).collect();
    for _ in 0..a_hundredth(harness) {
        let id = stores[0].begin().await;
        let racers = stores.iter().cloned().map(|store| racer(increment(store, id.clone())));
        together(racers.collect()).await;
        assert_eq!(value(&*stores[0].live(&id).await, "count"), Some("64"));
    }
}

pub async fn one_of_two_replacements_of_the_same_value_is_applied(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let id = store.begin_with(&with(&[("turn", "none")])).await;
    for _ in 0..harness.repetitions() {
        store.set(&id, "turn", "none").await;
        let replace = |store: Store, id: StoredId, by: &'static str| async move {
            store.replace_if(&id, "turn", Some(b"none"), Some(by.as_bytes()), FRESH).await.unwrap()
        };
        let answers =
            both(replace(store.clone(), id.clone(), "one"), replace(other.clone(), id.clone(), "two")).await;
        let conflict = |by| Swapped::Conflict(Some(bytes(by)));
        let by = if answers.0 == Swapped::Applied { "one" } else { "two" };
        let expected = match by {
            "one" => (Swapped::Applied, conflict("one")),
            _ => (conflict("two"), Swapped::Applied),
        };
        assert!(answers == expected, "{answers:?}");
        assert_eq!(value(&*store.live(&id).await, "turn"), Some(by));
    }
}

pub async fn a_value_is_taken_or_its_session_is_gone(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        let (taker, taken) = (store.clone(), id.clone());
        let taking = async move { taker.take(&taken, "kept", FRESH).await.unwrap() };
        let (taken, deleted) = both(taking, delete(other.clone(), id.clone())).await;
        assert!(taken == Taken::Value(bytes("value")) || taken == Taken::Gone, "{taken:?}");
        assert_eq!(deleted, Saved::Applied);
    }
}

pub async fn if_renewal_is_offered_one_of_two_is_issued(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    if store.capabilities().renewal.is_none() {
        return;
    }
    for _ in 0..harness.repetitions() {
        let id = store.begin().await;
        let (one, two) = (presenting(&id, digest()), presenting(&id, digest()));
        let renew = |store: Store, id: StoredId, new: StoredId| async move {
            let renewal = store.capabilities().renewal.unwrap();
            renewal.renew(&id, new.digest(), FRESH).await.unwrap()
        };
        let answers = both(
            renew(store.clone(), id.clone(), one.clone()),
            renew(other.clone(), id.clone(), two.clone()),
        );
        let issued = match answers.await {
            (Renewed::Issued, Renewed::NotDue) => one,
            (Renewed::NotDue, Renewed::Issued) => two,
            answers => panic!("{answers:?}"),
        };
        store.live(&issued).await;
        store.live(&id).await;
    }
}

pub async fn if_renewal_is_offered_a_shown_candidate_never_survives_a_rotation(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..harness.repetitions() {
        let Some((current, candidate)) = with_candidate(&*store).await else { return };
        let new = presenting(&current, digest());
        let rotating = rotate(other.clone(), current.clone(), new.clone(), "rotation");
        let (shown, rotated) = both(load(store.clone(), candidate.clone()), rotating).await;
        assert!(matches!(shown, Load::Live { .. } | Load::Gone), "{shown:?}");
        assert_eq!(rotated, Saved::Applied, "the current id is good before and after the promotion");
        store.live(&new).await;
        is_gone(&*store, &current).await;
        is_gone(&*store, &candidate).await;
    }
}

pub async fn a_sweep_never_removes_what_is_begun_meanwhile(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    for _ in 0..a_hundredth(harness) {
        let (creator, sweeper) = (store.clone(), other.clone());
        let beginning = async move {
            let mut begun = Vec::new();
            for _ in 0..20 {
                begun.push(creator.begin().await);
            }
            begun
        };
        let (begun, swept) = both(beginning, async move { sweep_all(&*sweeper).await }).await;
        assert_eq!(swept, 0);
        for id in &begun {
            store.live(id).await;
        }
    }
}

pub async fn the_last_access_never_goes_back(harness: &dyn Harness) {
    let stores: Vec<_> = (0..8).map(|_| harness.store()).collect();
    let id = stores[0].begin().await;
    for _ in 0..a_hundredth(harness) {
        harness.advance(harness.tick() / 100).await;
        let racers = stores.iter().cloned().map(|store| {
            let id = id.clone();
            racer(async move {
                let before = store.live(&id).await;
                store.touch(&id, FRESH).await.unwrap();
                let after = store.live(&id).await;
                assert!(after.last_accessed >= before.last_accessed && after.expires_at >= before.expires_at);
            })
        });
        together(racers.collect()).await;
    }
}
