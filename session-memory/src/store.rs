use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;
use std::{fmt, future, mem};

use async_trait::async_trait;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use session_core::{
    Access, Capabilities, Changes, Clock, Created, Delivery, Digest, Error, ErrorKind, EventSettings, Events,
    Found, Handle, Load, Miss, NewRecord, OpId, Page, Principal, Principals, Reason, Renewal, Renewed,
    Result, Revocation, Revoked, Saved, Select, SessionStore, SignIn, SignedIn, StoredId, Subscription,
    Swapped, Sweep, Taken, Timestamp,
};

use crate::config::Builder;
use crate::events::{EventLog, Voice};
use crate::lease::Lease;
use crate::principals::Index;
use crate::slot::Slot;

/// Keeps sessions in the memory of this process. A clone shows the same sessions.
///
/// No operation waits for anything: a read is a look-up, a lock and a counted reference, a write works under that
/// lock. The [`Clock`] that was passed in decides on every access, and nothing expired is ever served.
///
/// **Bounded.** Beyond [`max_sessions`](Builder::max_sessions) the least recently used session is evicted, whole,
/// and counted in [`evicted`](Self::evicted). The bound protects the process, not the users: *a flood of anonymous
/// sessions evicts live ones*, also of users who are logged in. Begin sessions only for those who need one, and
/// set the bound so that memory is what it protects.
///
/// **Not shared and not durable.** Sessions end with the process, and other nodes do not see them.
///
/// ```
/// use session_memory::MemoryStore;
///
/// let store = MemoryStore::builder().max_sessions(10_000).build();
/// assert_eq!(store.evicted(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    slots: Cache<Handle, Arc<Slot>>,
    index: Arc<Index>,
    clock: Arc<dyn Clock>,
    evicted: Arc<AtomicU64>,
    events: Option<Arc<EventLog>>,
}

impl MemoryStore {
    /// A store with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// The settings of a store that is to be built.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// How many live sessions this store has evicted to stay within its bound. A number that grows says that the
    /// bound is too small, or that somebody floods it.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// How many [events](Builder::events) were forgotten before somebody who listens had been handed them, counted for
    /// each who listens. A number that grows says that somebody is too slow.
    #[must_use]
    pub fn missed_events(&self) -> u64 {
        self.events.as_ref().map_or(0, |log| log.missed())
    }

    /// How many sessions are in memory, counting those that have expired or ended and were not yet swept. For
    /// figures: it may lag behind by some.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.slots.run_pending_tasks();
        self.slots.entry_count()
    }

    pub(crate) fn with_settings(
        max_sessions: u64,
        clock: Arc<dyn Clock>,
        events: Option<EventSettings>,
        margin: Duration,
    ) -> Self {
        let evicted = Arc::new(AtomicU64::new(0));
        let index = Arc::<Index>::default();
        let (counter, now, listed) = (Arc::clone(&evicted), Arc::clone(&clock), Arc::clone(&index));
        let slots = Cache::builder()
            .max_capacity(max_sessions)
            // moka's own policy would refuse a new session rather than evict an old one.
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(Lease::new(Arc::clone(&clock), margin))
            // Whoever looked the slot up before it left must not be told that a write succeeded.
            .eviction_listener(move |handle, slot: Arc<Slot>, _| {
                if slot.remove(now.now()) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                listed.forget(&handle, &slot);
            })
            .build();
        let events = events.map(|settings| EventLog::new(settings, Arc::clone(&clock)));
        Self { slots, index, clock, evicted, events }
    }

    #[cfg(test)]
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Puts a slot under the handle, unless one is there: then that one is returned.
    fn put_if_absent(&self, handle: &Handle, make: impl FnOnce() -> Slot) -> Option<Arc<Slot>> {
        let mut found = None;
        // One compute at a time for a handle: the sweep never removes what was put here meanwhile.
        self.slots.entry_by_ref(handle).and_compute_with(|entry| match entry {
            Some(entry) => {
                found = Some(entry.into_value());
                Op::Nop
            }
            None => Op::Put(Arc::new(make())),
        });
        found
    }

    /// Removes the slot from the cache if nothing lives in it, and says whether it did.
    fn remove_if_dead(&self, handle: &Handle, slot: &Arc<Slot>, now: Timestamp) -> bool {
        let result = self.slots.entry_by_ref(handle).and_compute_with(|entry| match entry {
            Some(entry) if Arc::ptr_eq(entry.value(), slot) && slot.remove_if_dead(now) => Op::Remove,
            Some(_) | None => Op::Nop,
        });
        matches!(result, CompResult::Removed(_))
    }

    /// Does something to the slot of the presented id.
    fn at<T: From<Miss>>(
        &self,
        id: &StoredId,
        access: Access,
        operation: impl FnOnce(&Slot, Timestamp) -> T,
    ) -> T {
        match self.slots.get(id.handle()) {
            Some(slot) => operation(&slot, self.clock.now()),
            None => Miss::of_nothing(access).into(),
        }
    }

    /// What the slot of this handle tells events with.
    fn voice(&self, handle: &Handle) -> Voice {
        Voice::of(self.events.as_ref(), handle)
    }

    fn lease_anew_after(&self, id: &StoredId, changes: &Changes) {
        if changes.idle.is_some() || changes.absolute.is_some() {
            self.lease_anew(id.handle());
        }
    }

    /// Leases the slot for what it needs now that more than a touch has happened to it.
    fn lease_anew(&self, handle: &Handle) {
        drop(self.slots.get(handle));
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        let now = self.clock.now();
        loop {
            let make = || Slot::live(*id.digest(), new, access, now).telling(self.voice(id.handle()));
            let Some(slot) = self.put_if_absent(id.handle(), make) else { return Ok(Created::Created) };
            if let Some(answer) = slot.create(*id.digest(), new, access, now) {
                self.lease_anew(id.handle());
                return answer;
            }
        }
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        Ok(self.at(id, access, |slot, now| slot.load(id.digest(), select, access, now)))
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        if let Some(slot) = self.slots.get(id.handle()) {
            slot.touch(id.digest(), access, self.clock.now());
        }
        Ok(())
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        let saved = self.at(id, access, |slot, now| slot.save(id.digest(), changes, access, now));
        self.lease_anew_after(id, changes);
        Ok(saved)
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        let saved = self.at(id, access, |slot, now| slot.rotate(id.digest(), new, changes, access, now));
        self.lease_anew_after(id, changes);
        Ok(saved)
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        let saved = self.at(id, access, |slot, now| slot.delete(id.digest(), op, access, now));
        self.lease_anew(id.handle());
        Ok(saved)
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        let now = self.clock.now();
        let make = || Slot::ended(op, now).telling(self.voice(handle));
        while let Some(slot) = self.put_if_absent(handle, make) {
            if slot.end(op, Reason::Ended, now) {
                self.lease_anew(handle);
                break;
            }
        }
        Ok(())
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        Ok(self.at(id, access, |slot, now| slot.take(id.digest(), name, access, now)))
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        Ok(self.at(id, access, |slot, now| slot.replace_if(id.digest(), name, old, new, access, now)))
    }

    fn capabilities(&self) -> Capabilities<'_> {
        let offered = Capabilities::none().with_renewal(self).with_sweep(self).with_principals(self);
        if self.events.is_some() { offered.with_events(self) } else { offered }
    }
}

#[async_trait]
impl Renewal for MemoryStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        Ok(self.at(id, access, |slot, now| slot.renew(id.digest(), new, access, now)))
    }
}

#[async_trait]
impl Principals for MemoryStore {
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn> {
        let Some(slot) = self.slots.get(id.handle()) else { return Ok(Miss::of_nothing(access).into()) };
        let now = self.clock.now();
        let (answer, evicted) = self.index.sign_in(*id.handle(), &slot, id.digest(), sign_in, access, now);
        for handle in evicted.iter().chain([id.handle()]) {
            self.lease_anew(handle);
        }
        Ok(answer)
    }

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found> {
        Ok(self.index.find(principal, select, page, self.clock.now()))
    }

    async fn count(&self, principal: &Principal) -> Result<usize> {
        Ok(self.index.count(principal, self.clock.now()))
    }

    /// All in one step, half a microsecond a session.
    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked> {
        let (revoked, ended) = self.index.revoke(principal, revocation, self.clock.now());
        for handle in &ended {
            self.lease_anew(handle);
        }
        Ok(revoked)
    }
}

#[async_trait]
impl Sweep for MemoryStore {
    /// Looks at every session, half a microsecond each, and lets other tasks run every so often.
    async fn sweep(&self, limit: usize) -> Result<usize> {
        let now = self.clock.now();
        let mut swept = 0;
        for (looked_at, (handle, slot)) in self.slots.iter().enumerate() {
            if swept == limit {
                break;
            }
            if looked_at % 256 == 255 {
                let_others_run().await;
            }
            if slot.is_dead(now) && self.remove_if_dead(&handle, &slot, now) {
                swept += 1;
            }
        }
        self.slots.run_pending_tasks();
        self.index.sweep(now);
        Ok(swept)
    }
}

#[async_trait]
impl Events for MemoryStore {
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        match &self.events {
            Some(log) => log.subscribe(delivery),
            None => Err(Error::new(ErrorKind::Config, "this memory store was built without events")),
        }
    }
}

/// Yields once, to whatever runtime this is.
async fn let_others_run() {
    let mut yielded = false;
    future::poll_fn(|context| {
        if mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("held", &self.slots.entry_count())
            .field("evicted", &self.evicted())
            .field("clock", &self.clock)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use session_core::{Expiry, OsRandom, TOMBSTONE_LIFE};
    use session_testkit::ManualClock;

    use super::*;

    const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
    const HOUR: Duration = Duration::from_secs(3600);
    const MARGIN: Duration = Duration::from_millis(50);

    fn three() -> [StoredId; 3] {
        [1, 2, 3].map(|byte| StoredId::new(Handle::from_bytes([byte; 16]), Digest::from_bytes([0; 16])))
    }

    /// moka's time passes, ours does not: what needs longer than its first lease must have been given another.
    #[tokio::test]
    async fn moka_frees_no_session_whose_timeout_was_lengthened() {
        let store = MemoryStore::with_settings(10, Arc::new(ManualClock::new()), None, MARGIN);
        let new = NewRecord::new(Expiry::idle(Duration::from_millis(1)).unwrap());
        let ids =
            [1, 2, 3].map(|byte| StoredId::new(Handle::from_bytes([byte; 16]), Digest::from_bytes([0; 16])));
        for id in &ids {
            store.create(id, &new, FRESH).await.unwrap();
        }
        let mut changes = Changes::new();
        changes.idle = Some(Some(HOUR));
        assert_eq!(store.save(&ids[0], &changes, FRESH).await.unwrap(), Saved::Applied);
        let new_digest = Digest::from_bytes([1; 16]);
        assert_eq!(store.rotate(&ids[1], &new_digest, &changes, FRESH).await.unwrap(), Saved::Applied);
        tokio::time::sleep(4 * MARGIN).await;
        let left = ids.map(|id| store.slots.contains_key(id.handle()));
        assert_eq!(left, [true, true, false]);
    }

    /// Two minutes pass whenever somebody looks at it.
    #[derive(Debug)]
    struct Leaping(ManualClock);

    impl Clock for Leaping {
        fn now(&self) -> Timestamp {
            self.0.advance(TOMBSTONE_LIFE);
            self.0.now()
        }

        fn monotonic(&self) -> Duration {
            self.0.monotonic()
        }
    }

    #[tokio::test]
    async fn moka_frees_the_tombstone_of_a_session_that_would_never_have_ended() {
        let store = MemoryStore::with_settings(10, Arc::new(Leaping(ManualClock::new())), None, MARGIN);
        let new = NewRecord::new(Expiry::never());
        let ids = three();
        for id in &ids {
            store.create(id, &new, FRESH).await.unwrap();
        }
        let op = OpId::generate(&OsRandom::default()).unwrap();
        assert_eq!(store.delete(&ids[0], op, FRESH).await.unwrap(), Saved::Applied);
        store.end(ids[1].handle(), op).await.unwrap();
        tokio::time::sleep(4 * MARGIN).await;
        let left = ids.map(|id| store.slots.contains_key(id.handle()));
        assert_eq!(left, [false, false, true]);
    }
}
