use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use session_core::{
    Access, Beyond, Cursor, Digest, Found, Handle, OpId, Page, Principal, Reason, Record, Revocation,
    Revoked, Select, SessionLimit, SignIn, SignedIn, Timestamp,
};

use crate::slot::Slot;

/// Who has which sessions.
///
/// Its lock is taken before that of a slot, never after it, and no cache is called under it: the cache tells the
/// index what it evicts. So each sign-in and each logout everywhere is one atomic unit.
#[derive(Default)]
pub(crate) struct Index(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    members: HashMap<Principal, BTreeMap<Handle, Member>>,
    principals: HashMap<Handle, Principal>,
    revoked: HashMap<Principal, Revocations>,
    /// How many sign-ins there were: their order.
    signed_in: u64,
}

struct Member {
    slot: Arc<Slot>,
    signed_in: u64,
    since: Timestamp,
}

struct Revocations {
    last: Timestamp,
    forgotten_at: Timestamp,
}

impl Index {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs in under the slot, and says which other sessions the limit has ended.
    pub(crate) fn sign_in(
        &self,
        handle: Handle,
        slot: &Arc<Slot>,
        digest: &Digest,
        sign_in: &SignIn,
        access: Access,
        now: Timestamp,
    ) -> (SignedIn, Vec<Handle>) {
        let mut entries = self.lock();
        let mut evicted = Vec::new();
        let answer = slot.sign_in(digest, sign_in, access, now, || {
            entries.admit(handle, sign_in, access, now).map(|victims| evicted = victims)
        });
        if answer == SignedIn::Applied {
            entries.add(handle, slot, &sign_in.principal, now);
        }
        (answer, evicted)
    }

    pub(crate) fn find(
        &self,
        principal: &Principal,
        select: Select<'_>,
        page: &Page,
        now: Timestamp,
    ) -> Found {
        let entries = self.lock();
        let Some(members) = entries.members.get(principal) else { return Found::new(Vec::new(), None) };
        let after = page.after.as_ref().and_then(|cursor| <[u8; 16]>::try_from(cursor.as_bytes()).ok());
        let begin = after.map_or(Bound::Unbounded, |bytes| Bound::Excluded(Handle::from_bytes(bytes)));
        let live = |(handle, member): (&Handle, &Member)| Some((*handle, member.slot.record(select, now)?));
        let mut sessions: Vec<(Handle, Arc<Record>)> =
            members.range((begin, Bound::Unbounded)).filter_map(live).take(page.limit + 1).collect();
        let more = sessions.len() > page.limit;
        sessions.truncate(page.limit);
        let last = sessions.last().filter(|_| more);
        let next = last.map(|(handle, _)| Cursor::new(*handle.as_bytes()));
        Found::new(sessions, next)
    }

    pub(crate) fn count(&self, principal: &Principal, now: Timestamp) -> usize {
        let entries = self.lock();
        let members = entries.members.get(principal);
        members.map_or(0, |members| members.values().filter(|member| member.is_alive(now)).count())
    }

    /// Ends the principal's sessions, all in one step, and says which.
    pub(crate) fn revoke(
        &self,
        principal: &Principal,
        revocation: &Revocation,
        now: Timestamp,
    ) -> (Revoked, Vec<Handle>) {
        let mut entries = self.lock();
        let at = revocation.at.unwrap_or(now);
        entries.remember(principal, at, revocation.remember, now);
        let ended = entries.select(principal, |handle, member| {
            Some(*handle) != revocation.keep && member.since <= at && member.is_alive(now)
        });
        for handle in &ended {
            entries.end(handle, revocation.op, Reason::Revoked, now);
        }
        (Revoked::new(at, ended.len(), false), ended)
    }

    /// The slot has left the cache.
    pub(crate) fn forget(&self, handle: &Handle, slot: &Arc<Slot>) {
        let mut entries = self.lock();
        if entries.member(handle).is_some_and(|member| Arc::ptr_eq(&member.slot, slot)) {
            entries.remove(handle);
        }
    }

    /// Forgets revocations that no session can have outlived.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.lock().revoked.retain(|_, revoked| revoked.forgotten_at > now);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let entries = self.lock();
        assert_eq!(entries.principals.len(), entries.members.values().map(BTreeMap::len).sum::<usize>());
        entries.principals.len() + entries.revoked.len()
    }
}

impl Entries {
    /// Lets one more session in, or says why not. Ends what the limit evicts.
    fn admit(
        &mut self,
        handle: Handle,
        sign_in: &SignIn,
        access: Access,
        now: Timestamp,
    ) -> Result<Vec<Handle>, SignedIn> {
        let revoked = self.revoked.get(&sign_in.principal);
        if revoked.is_some_and(|revoked| access.is_over_its_head(revoked.last, Duration::ZERO, now)) {
            return Err(SignedIn::Revoked);
        }
        let Some(limit) = sign_in.limit else { return Ok(Vec::new()) };
        let others = self.select(&sign_in.principal, |it, member| *it != handle && member.is_alive(now));
        let surplus = (others.len() + 1).saturating_sub(limit.max());
        if surplus > 0 && limit.beyond() == Beyond::Reject {
            return Err(SignedIn::Full);
        }
        let victims = self.first_to_go(others, limit, surplus, now);
        for victim in &victims {
            self.end(victim, sign_in.op, Reason::Evicted, now);
        }
        Ok(victims)
    }

    fn first_to_go(
        &self,
        mut others: Vec<Handle>,
        limit: SessionLimit,
        surplus: usize,
        now: Timestamp,
    ) -> Vec<Handle> {
        others.sort_by_cached_key(|handle| {
            let member = self.member(handle);
            let signed_in = member.map(|member| member.signed_in);
            let expires_at = member.and_then(|member| member.slot.expires_at(now));
            (expires_at.filter(|_| limit.beyond() == Beyond::EvictIdle), signed_in)
        });
        others.truncate(surplus);
        others
    }

    fn add(&mut self, handle: Handle, slot: &Arc<Slot>, principal: &Principal, now: Timestamp) {
        self.signed_in += 1;
        let member = Member { slot: Arc::clone(slot), signed_in: self.signed_in, since: now };
        self.members.entry(principal.clone()).or_default().insert(handle, member);
        self.principals.insert(handle, principal.clone());
    }

    fn remember(&mut self, principal: &Principal, at: Timestamp, remember: Duration, now: Timestamp) {
        self.revoked.retain(|_, revoked| revoked.forgotten_at > now);
        let forgotten_at = at.saturating_add(remember);
        self.revoked.insert(principal.clone(), Revocations { last: at, forgotten_at });
    }

    fn select(&self, principal: &Principal, of: impl Fn(&Handle, &Member) -> bool) -> Vec<Handle> {
        let members = self.members.get(principal).into_iter().flatten();
        members.filter(|(handle, member)| of(handle, member)).map(|(handle, _)| *handle).collect()
    }

    fn member(&self, handle: &Handle) -> Option<&Member> {
        self.members.get(self.principals.get(handle)?)?.get(handle)
    }

    fn end(&mut self, handle: &Handle, op: OpId, reason: Reason, now: Timestamp) {
        if let Some(member) = self.remove(handle) {
            member.slot.end(op, reason, now);
        }
    }

    fn remove(&mut self, handle: &Handle) -> Option<Member> {
        let principal = self.principals.remove(handle)?;
        let members = self.members.get_mut(&principal)?;
        let member = members.remove(handle);
        if members.is_empty() {
            self.members.remove(&principal);
        }
        member
    }
}

impl Member {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.slot.expires_at(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use session_core::{
        Changes, Expiry, NewRecord, OsRandom, Principals as _, SessionStore as _, StoredId, Sweep as _,
    };
    use session_testkit::ManualClock;

    use super::*;
    use crate::MemoryStore;

    const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
    const SECOND: Duration = Duration::from_secs(1);

    fn op() -> OpId {
        OpId::generate(&OsRandom::default()).unwrap()
    }

    /// The byte is the session's handle and its principal.
    async fn sign_in(store: &MemoryStore, byte: u8) -> StoredId {
        let id = StoredId::new(Handle::from_bytes([byte; 16]), Digest::from_bytes([0; 16]));
        let expiry = Expiry::idle(SECOND).unwrap();
        store.create(&id, &NewRecord::new(expiry), FRESH).await.unwrap();
        let new = Digest::from_bytes([1; 16]);
        let request = SignIn::new(byte.to_string().into(), new, expiry, Changes::new(), op());
        assert_eq!(store.sign_in(&id, &request, FRESH).await.unwrap(), SignedIn::Applied);
        StoredId::new(*id.handle(), new)
    }

    #[tokio::test]
    async fn nothing_is_listed_once_its_session_has_left_the_cache() {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        let expires = sign_in(&store, 1).await;
        let logs_out = sign_in(&store, 2).await;
        sign_in(&store, 3).await;
        store.delete(&logs_out, op(), FRESH).await.unwrap();
        let revocation = Revocation::new(op(), SECOND);
        store.revoke(&"3".into(), &revocation).await.unwrap();
        assert_eq!(store.index().len(), 3, "two sessions and a revocation");
        clock.advance(session_core::TOMBSTONE_LIFE);
        while store.sweep(100).await.unwrap() > 0 {}
        assert_eq!(store.index().len(), 0);
        assert_eq!(store.count(&"1".into()).await.unwrap(), 0, "{expires:?} has expired");
    }

    #[tokio::test]
    async fn an_evicted_session_is_not_listed() {
        let store = MemoryStore::builder().max_sessions(1).build();
        for byte in 1..=50 {
            sign_in(&store, byte).await;
        }
        assert!(store.held() <= 1);
        assert!(store.index().len() <= 1);
    }
}
