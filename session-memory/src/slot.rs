use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use session_core::{
    Access, Changes, Created, Digest, ENDED_WINDOW, Error, EventKind, Load, Miss, NewRecord, OpId,
    PREVIOUS_GRACE, RENEWAL_WAIT, ROTATED_WINDOW, Reason, Record, Renewed, Result, Saved, Select, SignIn,
    SignedIn, Swapped, TOMBSTONE_LIFE, Taken, Timestamp,
};

use crate::events::Voice;

/// Where one session lies. Its lock makes each operation one atomic unit; nothing is awaited and no cache is
/// called while it is held.
///
/// Whatever happens is told under the lock, so that it is told in the order in which it happened.
pub(crate) struct Slot {
    state: Mutex<State>,
    voice: Voice,
}

/// Every change of state is in this file.
enum State {
    Live(Live),
    Ended {
        at: Timestamp,
        op: OpId,
    },
    /// No longer in the cache. Whoever still holds the slot must not write to it.
    Removed,
}

struct Live {
    record: Arc<Record>,
    current: Digest,
    candidate: Option<Candidate>,
    previous: Option<Previous>,
    superseded_at: Option<Timestamp>,
}

struct Candidate {
    digest: Digest,
    made_at: Timestamp,
}

struct Previous {
    digest: Digest,
    good_until: Timestamp,
}

impl Slot {
    pub(crate) fn live(digest: Digest, new: &NewRecord, access: Access, now: Timestamp) -> Self {
        Self { state: Mutex::new(State::live(digest, new, access, now)), voice: Voice::default() }
    }

    pub(crate) fn ended(op: OpId, now: Timestamp) -> Self {
        Self { state: Mutex::new(State::Ended { at: now, op }), voice: Voice::default() }
    }

    /// The same new slot, which tells what happens in it.
    pub(crate) fn telling(mut self, voice: Voice) -> Self {
        self.voice = voice;
        if let State::Live(live) = &*self.lock() {
            self.voice.tell(EventKind::Created, &live.record, live.record.created);
        }
        self
    }

    /// A panic inside the lock can only come from the allocator, and leaves no half state behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_match<T: From<Miss>>(
        &self,
        digest: &Digest,
        access: Access,
        now: Timestamp,
        operation: impl FnOnce(&mut Live) -> T,
    ) -> T {
        match self.lock().find(digest, access, now) {
            Ok(live) => operation(live),
            Err(miss) => miss.into(),
        }
    }

    /// `None`: the slot has left the cache, look again.
    pub(crate) fn create(
        &self,
        digest: Digest,
        new: &NewRecord,
        access: Access,
        now: Timestamp,
    ) -> Option<Result<Created>> {
        let mut state = self.lock();
        let answer = match &*state {
            State::Removed => return None,
            dead if dead.is_dead(now) => {
                self.tell_end(&state, Reason::Ended, now);
                let begun = Live::new(digest, new, access, now);
                self.voice.tell(EventKind::Created, &begun.record, now);
                *state = State::Live(begun);
                Ok(Created::Created)
            }
            State::Ended { .. } => Ok(Created::Gone),
            State::Live(live) if live.current == digest => Ok(Created::Created),
            State::Live(_) => Err(Error::locator_in_use()),
        };
        Some(answer)
    }

    pub(crate) fn load(&self, digest: &Digest, select: Select<'_>, access: Access, now: Timestamp) -> Load {
        self.with_match(digest, access, now, |live| {
            live.promote(digest, now);
            Load::Live { record: live.selected(select), now }
        })
    }

    pub(crate) fn touch(&self, digest: &Digest, access: Access, now: Timestamp) {
        if let Ok(live) = self.lock().find(digest, access, now) {
            let due = live.record.is_touch_due(now);
            let record = Arc::make_mut(&mut live.record);
            if due {
                record.touch(now, access.touch());
            }
            record.last_accessed = record.last_accessed.max(now);
        }
    }

    pub(crate) fn save(&self, digest: &Digest, changes: &Changes, access: Access, now: Timestamp) -> Saved {
        self.with_match(digest, access, now, |live| {
            changes.apply_to(Arc::make_mut(&mut live.record), now, access.touch());
            Saved::Applied
        })
    }

    pub(crate) fn rotate(
        &self,
        digest: &Digest,
        new: &Digest,
        changes: &Changes,
        access: Access,
        now: Timestamp,
    ) -> Saved {
        let mut state = self.lock();
        if matches!(&*state, State::Live(live) if live.current == *new && !live.record.is_expired(now)) {
            return Saved::Applied;
        }
        match state.find(digest, access, now) {
            Ok(live) => {
                live.rotate(*new, changes, access, now);
                self.voice.tell(EventKind::Rotated, &live.record, now);
                Saved::Applied
            }
            Err(miss) => miss.into(),
        }
    }

    /// A rotation that makes the session the principal's, if `admits` says so.
    pub(crate) fn sign_in(
        &self,
        digest: &Digest,
        sign_in: &SignIn,
        access: Access,
        now: Timestamp,
        admits: impl FnOnce() -> Result<(), SignedIn>,
    ) -> SignedIn {
        let mut state = self.lock();
        if matches!(&*state, State::Live(live) if live.current == sign_in.new && !live.record.is_expired(now))
        {
            return SignedIn::Applied;
        }
        let live = match state.find(digest, access, now) {
            Ok(live) => live,
            Err(miss) => return miss.into(),
        };
        if live.record.principal.as_ref().is_some_and(|principal| *principal != sign_in.principal) {
            return SignedIn::Other;
        }
        if let Err(refused) = admits() {
            return refused;
        }
        live.rotate(sign_in.new, &sign_in.changes, access, now);
        Arc::make_mut(&mut live.record).principal = Some(sign_in.principal.clone());
        self.voice.tell(EventKind::Rotated, &live.record, now);
        SignedIn::Applied
    }

    /// The record, if the session is alive.
    pub(crate) fn record(&self, select: Select<'_>, now: Timestamp) -> Option<Arc<Record>> {
        self.lock().alive(now).map(|live| live.selected(select))
    }

    /// When the session ends if it is not used again, if it is alive.
    pub(crate) fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock().alive(now).map(|live| live.record.expires_at)
    }

    pub(crate) fn renew(&self, digest: &Digest, new: &Digest, access: Access, now: Timestamp) -> Renewed {
        self.with_match(digest, access, now, |live| live.renew(digest, new, access, now))
    }

    pub(crate) fn delete(&self, digest: &Digest, op: OpId, access: Access, now: Timestamp) -> Saved {
        let mut state = self.lock();
        if matches!(&*state, State::Ended { op: own, .. } if *own == op) {
            return Saved::Applied;
        }
        match state.find(digest, access, now) {
            Ok(_) => {
                self.tell_end(&state, Reason::Invalidated, now);
                *state = State::Ended { at: now, op };
                Saved::Applied
            }
            Err(miss) => miss.into(),
        }
    }

    /// `false`: the slot has left the cache, look again.
    pub(crate) fn end(&self, op: OpId, reason: Reason, now: Timestamp) -> bool {
        let mut state = self.lock();
        match &*state {
            State::Removed => return false,
            // The first end counts, and its operation may be sent again.
            State::Ended { .. } if !state.is_dead(now) => {}
            State::Ended { .. } | State::Live(_) => {
                self.tell_end(&state, reason, now);
                *state = State::Ended { at: now, op };
            }
        }
        true
    }

    /// Tells that what lives in this state is about to end: by itself, if its time had come anyway.
    fn tell_end(&self, state: &State, reason: Reason, now: Timestamp) {
        if let State::Live(live) = state {
            let (kind, at) = match live.record.is_expired(now) {
                true => (EventKind::Expired, live.record.expires_at),
                false => (EventKind::Deleted(reason), now),
            };
            self.voice.tell(kind, &live.record, at);
        }
    }

    pub(crate) fn take(&self, digest: &Digest, name: &str, access: Access, now: Timestamp) -> Taken {
        self.with_match(digest, access, now, |live| {
            if !live.record.attributes.contains_key(name) {
                return Taken::Nothing;
            }
            let value = Arc::make_mut(&mut live.record).attributes.remove(name);
            value.map_or(Taken::Nothing, Taken::Value)
        })
    }

    pub(crate) fn replace_if(
        &self,
        digest: &Digest,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
        now: Timestamp,
    ) -> Swapped {
        self.with_match(digest, access, now, |live| {
            let stored = live.record.attributes.get(name);
            if stored.map(AsRef::as_ref) != old {
                return Swapped::Conflict(stored.cloned());
            }
            let attributes = &mut Arc::make_mut(&mut live.record).attributes;
            match new {
                Some(new) => attributes.insert(name.into(), Bytes::copy_from_slice(new)),
                None => attributes.remove(name),
            };
            Swapped::Applied
        })
    }

    /// How long from `now` the session can be alive, or its tombstone be asked for, if nothing but touches
    /// happens to it. `None`: for ever.
    pub(crate) fn needed(&self, now: Timestamp) -> Option<Duration> {
        match &*self.lock() {
            State::Live(live) => live.needed(now),
            State::Ended { at, .. } => Some(at.saturating_add(TOMBSTONE_LIFE).since(now)),
            State::Removed => Some(Duration::ZERO),
        }
    }

    /// Marks the slot as removed if its session has expired or its tombstone is outlived.
    pub(crate) fn remove_if_dead(&self, now: Timestamp) -> bool {
        let mut state = self.lock();
        let dead = state.is_dead(now);
        if dead {
            self.tell_end(&state, Reason::Evicted, now);
            *state = State::Removed;
        }
        dead
    }

    pub(crate) fn is_dead(&self, now: Timestamp) -> bool {
        self.lock().is_dead(now)
    }

    /// Marks the slot as removed, and says whether a live session was lost by it.
    pub(crate) fn remove(&self, now: Timestamp) -> bool {
        let mut state = self.lock();
        let lost = matches!(&*state, State::Live(live) if !live.record.is_expired(now));
        self.tell_end(&state, Reason::Evicted, now);
        *state = State::Removed;
        lost
    }
}

impl State {
    fn live(digest: Digest, new: &NewRecord, access: Access, now: Timestamp) -> Self {
        Self::Live(Live::new(digest, new, access, now))
    }

    fn alive(&self, now: Timestamp) -> Option<&Live> {
        match self {
            Self::Live(live) if !live.record.is_expired(now) => Some(live),
            Self::Live(_) | Self::Ended { .. } | Self::Removed => None,
        }
    }

    /// Nothing is there any more: it may be overwritten, and removed.
    fn is_dead(&self, now: Timestamp) -> bool {
        match self {
            Self::Live(live) => live.record.is_expired(now),
            Self::Ended { at, .. } => at.saturating_add(TOMBSTONE_LIFE) <= now,
            Self::Removed => true,
        }
    }

    /// The live session that the presented digest matches.
    fn find(&mut self, digest: &Digest, access: Access, now: Timestamp) -> Result<&mut Live, Miss> {
        if self.is_dead(now) {
            return Err(Miss::of_nothing(access));
        }
        match self {
            Self::Removed => Err(Miss::of_nothing(access)),
            Self::Ended { at, .. } => Err(Miss::over_head(access, *at, ENDED_WINDOW, now)),
            Self::Live(live) => match live.superseded_at {
                _ if live.matches(digest, now) => Ok(live),
                Some(at) => Err(Miss::over_head(access, at, ROTATED_WINDOW, now)),
                None => Err(Miss::Absent),
            },
        }
    }
}

impl Live {
    fn new(digest: Digest, new: &NewRecord, access: Access, now: Timestamp) -> Self {
        Self {
            record: Arc::new(Record::new(new, now, access.touch())),
            current: digest,
            candidate: None,
            previous: None,
            superseded_at: None,
        }
    }

    fn matches(&self, digest: &Digest, now: Timestamp) -> bool {
        self.current == *digest
            || self.candidate.as_ref().is_some_and(|candidate| candidate.digest == *digest)
            || self.previous.as_ref().is_some_and(|old| old.digest == *digest && now < old.good_until)
    }

    /// A candidate that is shown becomes the current one.
    fn promote(&mut self, digest: &Digest, now: Timestamp) {
        let Some(candidate) = self.candidate.take_if(|candidate| candidate.digest == *digest) else { return };
        let good_until = now.saturating_add(PREVIOUS_GRACE);
        self.previous = Some(Previous { digest: self.current, good_until });
        self.current = candidate.digest;
        Arc::make_mut(&mut self.record).renewed_at = candidate.made_at;
    }

    fn rotate(&mut self, new: Digest, changes: &Changes, access: Access, now: Timestamp) {
        let record = Arc::make_mut(&mut self.record);
        changes.apply_to(record, now, access.touch());
        record.renewed_at = now;
        self.current = new;
        self.candidate = None;
        self.previous = None;
        self.superseded_at = Some(now);
    }

    fn renew(&mut self, digest: &Digest, new: &Digest, access: Access, now: Timestamp) -> Renewed {
        if self.current != *digest {
            return Renewed::NotDue;
        }
        match &self.candidate {
            Some(candidate) if candidate.digest == *new => return Renewed::Issued,
            Some(candidate) if access.is_over_its_head(candidate.made_at, RENEWAL_WAIT, now) => {
                return Renewed::NotDue;
            }
            Some(_) | None => {}
        }
        self.candidate = Some(Candidate { digest: *new, made_at: now });
        Renewed::Issued
    }

    fn selected(&self, select: Select<'_>) -> Arc<Record> {
        let mut part = match select {
            Select::All => return Arc::clone(&self.record),
            Select::Only(_) | Select::Metadata => self.metadata(),
        };
        if let Select::Only(names) = select {
            let found = names.iter().filter_map(|name| self.record.attributes.get_key_value(*name));
            part.attributes = found.map(|(name, value)| (Arc::clone(name), value.clone())).collect();
        }
        Arc::new(part)
    }

    fn metadata(&self) -> Record {
        let all = &self.record;
        let mut part = Record::bare(all.created, all.last_accessed, all.expires_at);
        part.idle = all.idle;
        part.end = all.end;
        part.renewed_at = all.renewed_at;
        part.principal = all.principal.clone();
        part
    }

    fn needed(&self, now: Timestamp) -> Option<Duration> {
        let Record { idle, end, expires_at, .. } = *self.record;
        // A touch adds the throttle, a tenth of the idle timeout at most.
        let touched = idle.map(|idle| now.saturating_add(idle).saturating_add(idle / 10));
        let latest = touched.map_or(expires_at, |touched| touched.max(expires_at));
        let latest = end.map_or(latest, |end| latest.min(end));
        (latest < Timestamp::NEVER).then(|| latest.since(now))
    }
}

#[cfg(test)]
mod tests {
    use session_core::{Expiry, OsRandom};

    use super::*;

    const DIGEST: Digest = Digest::from_bytes([7; 16]);
    const NEW: Digest = Digest::from_bytes([8; 16]);
    const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
    const NOW: Timestamp = Timestamp::from_millis(1_893_456_000_000);

    #[test]
    fn no_operation_on_a_slot_that_has_left_the_cache_is_acknowledged() {
        let new = NewRecord::new(Expiry::never());
        let op = OpId::generate(&OsRandom::default()).unwrap();
        let slot = Slot::live(DIGEST, &new, FRESH, NOW);
        assert!(slot.remove(NOW), "a live session was lost");
        assert!(!slot.remove(NOW), "and counts once");

        let changes = Changes::new();
        assert_eq!(slot.load(&DIGEST, Select::All, FRESH, NOW), Load::Absent);
        assert_eq!(slot.save(&DIGEST, &changes, FRESH, NOW), Saved::Absent);
        assert_eq!(slot.rotate(&DIGEST, &NEW, &changes, FRESH, NOW), Saved::Absent);
        assert_eq!(slot.renew(&DIGEST, &NEW, FRESH, NOW), Renewed::Absent);
        assert_eq!(slot.take(&DIGEST, "name", FRESH, NOW), Taken::Absent);
        assert_eq!(slot.replace_if(&DIGEST, "name", None, None, FRESH, NOW), Swapped::Absent);
        assert_eq!(slot.delete(&DIGEST, op, FRESH, NOW), Saved::Absent);
        assert!(!slot.end(op, Reason::Ended, NOW), "the end must look for the slot that is there now");
        assert!(slot.create(DIGEST, &new, FRESH, NOW).is_none(), "so must a create");
    }
}
