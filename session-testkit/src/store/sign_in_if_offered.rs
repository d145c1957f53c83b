use session_core::{
    Changes, Expiry, Principals, Record, Saved, Select, SessionStore, SignIn, SignedIn, StoredId,
};

use super::fixture::*;
use crate::Harness;

/// A session of this principal; `None` if the store offers no principals.
pub(super) async fn signed_in(store: &dyn SessionStore, principal: &str) -> Option<StoredId> {
    let principals = store.capabilities().principals?;
    let id = store.begin().await;
    Some(sign_in(principals, &id, signing_in(principal)).await)
}

/// The session's new id after a sign-in that must succeed.
pub(super) async fn sign_in(principals: &dyn Principals, id: &StoredId, sign_in: SignIn) -> StoredId {
    assert_eq!(principals.sign_in(id, &sign_in, FRESH).await.unwrap(), SignedIn::Applied);
    presenting(id, sign_in.new)
}

fn whose(record: &Record) -> Option<&str> {
    record.principal.as_ref().map(|principal| principal.as_str())
}

pub async fn it_makes_the_session_the_principals_under_a_new_id(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let old = store.begin().await;
    let mut expected = Record::clone(&*store.live(&old).await);
    harness.advance(harness.tick()).await;
    let new = sign_in(principals, &old, signing_in("ada")).await;
    let (record, now) = store.live_at(&new).await;
    assert!(expected.renewed_at < record.renewed_at && record.renewed_at <= now);
    expected.principal = Some("ada".into());
    expected.renewed_at = record.renewed_at;
    expected.last_accessed = record.last_accessed;
    expected.expires_at = record.last_accessed.saturating_add(HOUR);
    assert_eq!(*record, expected);
    every_operation_misses(&*store, &old, FRESH, Miss::Gone).await;
    assert_eq!(*store.live(&new).await, expected);
}

pub async fn the_principal_comes_with_every_selection(harness: &dyn Harness) {
    let store = harness.store();
    let Some(id) = signed_in(&*store, "ada").await else { return };
    for select in [Select::All, Select::Only(&["kept"]), Select::Only(&[]), Select::Metadata] {
        let session_core::Load::Live { record, .. } = store.load(&id, select, FRESH).await.unwrap() else {
            panic!("the session is alive");
        };
        assert_eq!(whose(&record), Some("ada"), "{select:?}");
    }
}

pub async fn it_carries_the_pending_changes(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let id = store.begin().await;
    let mut changes = setting("added", "1");
    changes.remove("kept");
    let id = sign_in(
        principals,
        &id,
        SignIn::new("ada".into(), digest(), Expiry::idle(HOUR).unwrap(), changes, op()),
    )
    .await;
    assert_eq!(store.live(&id).await.attributes, with(&[("added", "1")]).attributes);
}

pub async fn both_timeouts_start_anew(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let short = Expiry::idle(MINUTE).unwrap().and_absolute(HOUR).unwrap();
    let long = Expiry::idle(2 * HOUR).unwrap().and_absolute(3 * HOUR).unwrap();
    for (before, after) in [(short, long), (long, short), (short, Expiry::never()), (Expiry::never(), short)]
    {
        let old = store.begin_with(&session_core::NewRecord::new(before)).await;
        harness.advance(harness.tick()).await;
        let request = SignIn::new("ada".into(), digest(), after, Changes::new(), op());
        let record = store.live(&sign_in(principals, &old, request).await).await;
        assert_eq!(record.idle, after.idle_timeout());
        let began = record.last_accessed;
        assert_eq!(record.end, after.absolute_timeout().map(|timeout| began.saturating_add(timeout)));
        let idle_end = after.idle_timeout().map(|idle| began.saturating_add(idle));
        assert_eq!(record.expires_at, idle_end.unwrap_or(session_core::Timestamp::NEVER));
    }
}

pub async fn the_principal_stays_through_everything_but_the_end(harness: &dyn Harness) {
    let store = harness.store();
    let Some(id) = signed_in(&*store, "ada").await else { return };
    assert_eq!(store.set(&id, "added", "1").await, Saved::Applied);
    assert_eq!(store.save(&id, &idle_of(Some(2 * HOUR)), FRESH).await.unwrap(), Saved::Applied);
    store.touch(&id, FRESH).await.unwrap();
    let id = store.rotated(&id).await;
    assert_eq!(whose(&*store.live(&id).await), Some("ada"));
}

pub async fn sent_again_it_is_applied_and_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let old = store.begin().await;
    let request = signing_in("ada");
    let new = sign_in(principals, &old, request.clone()).await;
    store.set(&new, "kept", "changed meanwhile").await;
    let before = store.live(&new).await;
    harness.advance(harness.tick()).await;
    assert_eq!(principals.sign_in(&old, &request, FRESH).await.unwrap(), SignedIn::Applied);
    assert_eq!(store.live(&new).await, before);
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 1);
}

pub async fn another_principals_session_is_refused_and_stays_as_it_is(harness: &dyn Harness) {
    let store = harness.store();
    let Some(id) = signed_in(&*store, "ada").await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    let before = store.live(&id).await;
    let answer = principals.sign_in(&id, &signing_in("bob"), FRESH).await.unwrap();
    assert_eq!(answer, SignedIn::Other);
    assert_eq!(store.live(&id).await, before);
    assert_eq!(principals.count(&"bob".into()).await.unwrap(), 0);
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 1);
}

pub async fn the_same_principal_can_sign_in_again_in_the_same_session(harness: &dyn Harness) {
    let store = harness.store();
    let Some(first) = signed_in(&*store, "ada").await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    let second = sign_in(principals, &first, signing_in("ada")).await;
    every_operation_misses(&*store, &first, FRESH, Miss::Gone).await;
    assert_eq!(whose(&*store.live(&second).await), Some("ada"));
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 1);
}

pub async fn any_unicode_is_a_principals_name(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let names =
        ["a", "a:b", "a:b:c", ":", "A", "á", "Åda \"☃\" {x}", " a ", "0 a", "*?[a]", "日本", "a\u{0}b", "\n"];
    let mut ids = Vec::new();
    for name in names {
        ids.push((name, store.begin().await));
    }
    for (name, id) in &mut ids {
        *id = sign_in(principals, id, signing_in(name)).await;
    }
    for (name, id) in &ids {
        assert_eq!(whose(&*store.live(id).await), Some(*name));
        assert_eq!(principals.count(&(*name).into()).await.unwrap(), 1, "{name:?}");
    }
}
