use std::collections::BTreeSet;
use std::time::Duration;

use session_core::{
    Changes, Expiry, Handle, Page, Principals, Revocation, Saved, Select, SessionLimit, SessionStore, SignIn,
    SignedIn, StoredId,
};

use super::fixture::*;
use super::sign_in_if_offered::{sign_in, signed_in};
use crate::Harness;

/// All sessions of the principal, read page by page.
pub(super) async fn found(principals: &dyn Principals, principal: &str) -> BTreeSet<Handle> {
    let mut handles = BTreeSet::new();
    let mut page = Page::first(3);
    loop {
        let found = principals.find(&principal.into(), Select::Metadata, &page).await.unwrap();
        assert!(found.sessions.len() <= 3, "a page has at most as many as asked for");
        for (handle, record) in found.sessions {
            assert_eq!(record.principal, Some(principal.into()));
            handles.insert(handle);
        }
        match found.next {
            Some(next) => page = Page::after(next, 3),
            None => return handles,
        }
    }
}

/// A logout everywhere that is remembered for an hour.
pub(super) async fn revoke(principals: &dyn Principals, principal: &str, keep: Option<Handle>) -> usize {
    let mut revocation = Revocation::new(op(), HOUR).keeping(keep);
    let mut ended = 0;
    loop {
        let step = principals.revoke(&principal.into(), &revocation).await.unwrap();
        ended += step.ended;
        if !step.more {
            return ended;
        }
        revocation = revocation.continued(step.at);
    }
}

fn handles<'a>(ids: impl IntoIterator<Item = &'a StoredId>) -> BTreeSet<Handle> {
    ids.into_iter().map(|id| *id.handle()).collect()
}

async fn several(store: &dyn SessionStore, principal: &str, number: usize) -> Option<Vec<StoredId>> {
    let mut ids = Vec::new();
    for _ in 0..number {
        ids.push(signed_in(store, principal).await?);
    }
    Some(ids)
}

/// One more session, under this limit.
async fn enters(harness: &dyn Harness, principal: &str, limit: SessionLimit) -> (SignedIn, StoredId) {
    let store = harness.store();
    let id = store.begin().await;
    let request = signing_in(principal).with_limit(limit);
    let principals = store.capabilities().principals.unwrap();
    let answer = principals.sign_in(&id, &request, FRESH).await.unwrap();
    (answer, presenting(&id, request.new))
}

pub async fn find_shows_every_session_of_the_principal_and_no_other(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    assert!(found(principals, "ada").await.is_empty());
    let Some(ada) = several(&*store, "ada", 8).await else { return };
    let Some(bob) = several(&*store, "bob", 2).await else { return };
    store.begin().await;
    assert_eq!(found(principals, "ada").await, handles(&ada));
    assert_eq!(found(principals, "bob").await, handles(&bob));
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 8);
}

pub async fn find_shows_the_record_with_the_selected_attributes(harness: &dyn Harness) {
    let store = harness.store();
    let Some(id) = signed_in(&*store, "ada").await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    store.set(&id, "device", "phone").await;
    let whole = store.live(&id).await;
    for (select, names) in [
        (Select::All, &["device", "kept"][..]),
        (Select::Only(&["device", "none"]), &["device"]),
        (Select::Metadata, &[]),
    ] {
        let found = principals.find(&"ada".into(), select, &Page::first(10)).await.unwrap();
        let (handle, record) = found.sessions.first().unwrap();
        assert_eq!(handle, id.handle());
        assert_eq!(record.attributes.keys().map(|name| &**name).collect::<Vec<_>>(), names);
        assert_eq!((record.created, record.expires_at), (whole.created, whole.expires_at));
    }
}

pub async fn sessions_that_end_in_the_same_moment_are_all_found(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let mut ids = Vec::new();
    for _ in 0..10 {
        let id = store.begin().await;
        let request = SignIn::new("ada".into(), digest(), Expiry::never(), Changes::new(), op());
        ids.push(sign_in(principals, &id, request).await);
    }
    assert_eq!(found(principals, "ada").await, handles(&ids));
}

pub async fn a_session_that_ended_is_not_found(harness: &dyn Harness) {
    let store = harness.store();
    let Some(mut ids) = several(&*store, "ada", 4).await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    assert_eq!(store.delete(&ids.remove(0), op(), FRESH).await.unwrap(), Saved::Applied);
    store.end(ids.remove(0).handle(), op()).await.unwrap();
    assert_eq!(found(principals, "ada").await, handles(&ids));
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 2);
}

pub async fn a_session_that_expired_is_not_found(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let id = store.begin().await;
    let expiry = Expiry::idle(harness.tick()).unwrap();
    sign_in(principals, &id, SignIn::new("ada".into(), digest(), expiry, Changes::new(), op())).await;
    let Some(stays) = signed_in(&*store, "ada").await else { return };
    harness.advance(harness.tick() * 2).await;
    assert_eq!(found(principals, "ada").await, handles([&stays]));
    assert_eq!(principals.count(&"ada".into()).await.unwrap(), 1);
}

/// However it is kept alive, a session is found for as long as it lives.
pub async fn a_session_that_is_kept_alive_stays_findable(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let idle = harness.tick() * 4;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let id = store.begin().await;
        let expiry = Expiry::idle(idle).unwrap();
        let request = SignIn::new("ada".into(), digest(), expiry, Changes::new(), op());
        ids.push(sign_in(principals, &id, request).await);
    }
    let lengthened = store.save(&ids[0], &idle_of(Some(HOUR)), FRESH).await.unwrap();
    assert_eq!(lengthened, Saved::Applied);
    for _ in 0..4 {
        harness.advance(harness.tick() * 2).await;
        store.touch(&ids[1], FRESH).await.unwrap();
        let mut blind = setting("seen", "again");
        blind.touch = true;
        assert_eq!(store.save(&ids[2], &blind, FRESH).await.unwrap(), Saved::Applied);
        let new = presenting(&ids[3], digest());
        assert_eq!(store.rotate(&ids[3], new.digest(), &touching(), FRESH).await.unwrap(), Saved::Applied);
        ids[3] = new;
    }
    for id in &ids {
        store.live(id).await;
    }
    assert_eq!(found(principals, "ada").await, handles(&ids));
    assert_eq!(revoke(principals, "ada", None).await, 4);
    for id in &ids {
        every_operation_misses(&*store, id, FRESH, Miss::Gone).await;
    }
}

pub async fn a_shorter_timeout_ends_a_principals_session_sooner(harness: &dyn Harness) {
    let store = harness.store();
    let Some(id) = signed_in(&*store, "ada").await else { return };
    let changes = idle_of(Some(harness.tick()));
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    harness.advance(harness.tick() * 2).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
}

pub async fn within_the_limit_nobody_is_ended(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let limits = [SessionLimit::evict_oldest(3), SessionLimit::evict_idle(3), SessionLimit::reject(3)];
    for (limit, name) in limits.into_iter().zip(["oldest", "idle", "reject"]) {
        let limit = limit.unwrap();
        let mut ids = Vec::new();
        for _ in 0..3 {
            let (answer, id) = enters(harness, name, limit).await;
            assert_eq!(answer, SignedIn::Applied);
            ids.push(id);
        }
        assert_eq!(found(principals, name).await, handles(&ids));
    }
}

pub async fn one_more_ends_the_oldest(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let limit = SessionLimit::evict_oldest(2).unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let (answer, id) = enters(harness, "ada", limit).await;
        assert_eq!(answer, SignedIn::Applied);
        harness.advance(harness.tick() / 10).await;
        // What was used last is not what was signed in last.
        if let Some(first) = ids.first() {
            store.touch(first, FRESH).await.unwrap();
        }
        ids.push(id);
        if ids.len() > 2 {
            every_operation_misses(&*store, &ids.remove(0), FRESH, Miss::Gone).await;
        }
        assert_eq!(found(principals, "ada").await, handles(&ids));
    }
}

pub async fn one_more_ends_the_one_unused_for_longest(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let limit = SessionLimit::evict_idle(2).unwrap();
    let (_, first) = enters(harness, "ada", limit).await;
    let (_, second) = enters(harness, "ada", limit).await;
    harness.advance(harness.tick()).await;
    store.touch(&first, FRESH).await.unwrap();
    let (answer, third) = enters(harness, "ada", limit).await;
    assert_eq!(answer, SignedIn::Applied);
    assert_eq!(found(principals, "ada").await, handles([&first, &third]));
    every_operation_misses(&*store, &second, FRESH, Miss::Gone).await;
}

pub async fn one_more_is_refused_until_another_has_ended(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let limit = SessionLimit::reject(1).unwrap();
    let (_, first) = enters(harness, "ada", limit).await;
    let waiting = store.begin().await;
    let before = store.live(&waiting).await;
    for _ in 0..2 {
        let request = signing_in("ada").with_limit(limit);
        assert_eq!(principals.sign_in(&waiting, &request, FRESH).await.unwrap(), SignedIn::Full);
    }
    assert_eq!(store.live(&waiting).await, before);
    assert_eq!(found(principals, "ada").await, handles([&first]));
    store.delete(&first, op(), FRESH).await.unwrap();
    let second = sign_in(principals, &waiting, signing_in("ada").with_limit(limit)).await;
    assert_eq!(found(principals, "ada").await, handles([&second]));
}

pub async fn what_has_expired_does_not_count(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let limit = SessionLimit::reject(1).unwrap();
    let id = store.begin().await;
    let expiry = Expiry::idle(harness.tick()).unwrap();
    let request = SignIn::new("ada".into(), digest(), expiry, Changes::new(), op()).with_limit(limit);
    sign_in(principals, &id, request).await;
    harness.advance(harness.tick() * 2).await;
    assert_eq!(enters(harness, "ada", limit).await.0, SignedIn::Applied);
}

pub async fn signing_in_again_does_not_count_twice(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    for limit in [SessionLimit::reject(2).unwrap(), SessionLimit::evict_oldest(2).unwrap()] {
        let name = format!("{limit:?}");
        let (_, other) = enters(harness, &name, limit).await;
        let (_, mut id) = enters(harness, &name, limit).await;
        for _ in 0..3 {
            id = sign_in(principals, &id, signing_in(&name).with_limit(limit)).await;
        }
        assert_eq!(found(principals, &name).await, handles([&other, &id]));
    }
}

pub async fn a_lower_limit_ends_all_that_are_too_many(harness: &dyn Harness) {
    let store = harness.store();
    let Some(ids) = several(&*store, "ada", 5).await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    let (answer, newcomer) = enters(harness, "ada", SessionLimit::evict_oldest(2).unwrap()).await;
    assert_eq!(answer, SignedIn::Applied);
    let left = found(principals, "ada").await;
    assert_eq!(left.len(), 2);
    assert!(left.contains(newcomer.handle()));
    let mut alive = 0;
    for id in &ids {
        alive += usize::from(store.set(id, "still", "here").await == Saved::Applied);
    }
    assert_eq!(alive, 1);
}

pub async fn a_limit_is_each_principals_own(harness: &dyn Harness) {
    let store = harness.store();
    if store.capabilities().principals.is_none() {
        return;
    }
    let limit = SessionLimit::evict_oldest(1).unwrap();
    let (_, ada) = enters(harness, "ada", limit).await;
    let (_, bob) = enters(harness, "bob", limit).await;
    store.live(&ada).await;
    store.live(&bob).await;
}

pub async fn revoke_ends_every_session_of_the_principal_and_no_other(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    assert_eq!(revoke(principals, "nobody", None).await, 0);
    let Some(ada) = several(&*store, "ada", 7).await else { return };
    let Some(bob) = signed_in(&*store, "bob").await else { return };
    let anonymous = store.begin().await;
    assert_eq!(revoke(principals, "ada", None).await, 7);
    for id in &ada {
        every_operation_misses(&*store, id, FRESH, Miss::Gone).await;
    }
    store.live(&bob).await;
    store.live(&anonymous).await;
    assert!(found(principals, "ada").await.is_empty());
    assert_eq!(revoke(principals, "ada", None).await, 0, "sent again it finds nothing to do");
}

pub async fn revoke_keeps_the_session_that_it_is_to_keep(harness: &dyn Harness) {
    let store = harness.store();
    let Some(mut ids) = several(&*store, "ada", 4).await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    let kept = ids.remove(1);
    assert_eq!(revoke(principals, "ada", Some(*kept.handle())).await, 3);
    assert_eq!(found(principals, "ada").await, handles([&kept]));
    for id in &ids {
        every_operation_misses(&*store, id, FRESH, Miss::Gone).await;
    }
    // A use that is noted looks whether the principal was revoked since the sign-in: not this session.
    harness.advance(harness.tick()).await;
    store.touch(&kept, FRESH).await.unwrap();
    store.live(&kept).await;
    assert_eq!(revoke(principals, "ada", None).await, 1);
}

pub async fn a_sign_in_that_arrived_before_a_revocation_is_refused(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let id = store.begin().await;
    harness.advance(harness.tick()).await;
    revoke(principals, "ada", None).await;
    let request = signing_in("ada");
    let answer = principals.sign_in(&id, &request, aged(harness.tick() * 2)).await.unwrap();
    assert_eq!(answer, SignedIn::Revoked);
    assert_eq!(store.live(&id).await.principal, None);
    assert!(found(principals, "ada").await.is_empty());
    let bob = principals.sign_in(&id, &signing_in("bob"), aged(harness.tick() * 2)).await.unwrap();
    assert_eq!(bob, SignedIn::Applied, "nobody else was revoked");
}

pub async fn a_sign_in_that_a_revocation_refuses_evicts_nobody(harness: &dyn Harness) {
    let store = harness.store();
    let Some(kept) = signed_in(&*store, "ada").await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    harness.advance(harness.tick()).await;
    revoke(principals, "ada", Some(*kept.handle())).await;
    let id = store.begin().await;
    let request = signing_in("ada").with_limit(SessionLimit::evict_oldest(1).unwrap());
    let answer = principals.sign_in(&id, &request, aged(harness.tick() * 2)).await.unwrap();
    assert_eq!(answer, SignedIn::Revoked);
    store.live(&kept).await;
    assert_eq!(found(principals, "ada").await, handles([&kept]));
}

pub async fn a_sign_in_that_arrives_after_a_revocation_succeeds(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    signed_in(&*store, "ada").await;
    revoke(principals, "ada", None).await;
    harness.advance(harness.tick()).await;
    let Some(id) = signed_in(&*store, "ada").await else { return };
    harness.advance(harness.tick()).await;
    store.touch(&id, FRESH).await.unwrap();
    store.live(&id).await;
    assert_eq!(found(principals, "ada").await, handles([&id]));
}

pub async fn a_later_step_of_a_revocation_spares_who_came_after_the_first(harness: &dyn Harness) {
    let store = harness.store();
    let Some(before) = signed_in(&*store, "ada").await else { return };
    let Some(principals) = store.capabilities().principals else { return };
    harness.advance(harness.tick() / 10).await;
    let revocation = Revocation::new(op(), HOUR);
    let first = principals.revoke(&"ada".into(), &revocation).await.unwrap();
    harness.advance(harness.tick()).await;
    let Some(after) = signed_in(&*store, "ada").await else { return };
    let second = principals.revoke(&"ada".into(), &revocation.continued(first.at)).await.unwrap();
    assert_eq!((second.at, second.ended), (first.at, 0));
    store.live(&after).await;
    every_operation_misses(&*store, &before, FRESH, Miss::Gone).await;
}

pub async fn nothing_is_left_of_principals_after_their_last_session(harness: &dyn Harness) {
    let store = harness.store();
    let Some(principals) = store.capabilities().principals else { return };
    let brief = Expiry::idle(harness.tick()).unwrap();
    for name in ["logs out", "is ended", "expires", "is evicted", "is revoked"] {
        let id = store.begin().await;
        let request = SignIn::new(name.into(), digest(), brief, Changes::new(), op());
        let id = sign_in(principals, &id, request).await;
        match name {
            "logs out" => assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied),
            "is ended" => store.end(id.handle(), op()).await.unwrap(),
            "is evicted" => {
                let id = store.begin().await;
                let request = SignIn::new(name.into(), digest(), brief, Changes::new(), op());
                let limit = SessionLimit::evict_oldest(1).unwrap();
                sign_in(principals, &id, request.with_limit(limit)).await;
            }
            "is revoked" => {
                let revocation = Revocation::new(op(), harness.tick());
                assert_eq!(principals.revoke(&name.into(), &revocation).await.unwrap().ended, 1);
            }
            _ => {}
        }
    }
    harness.skip(Duration::from_secs(150)).await;
    nothing_is_left(harness).await;
}
