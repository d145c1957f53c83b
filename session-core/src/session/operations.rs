//! Every step from one state of a request's session to the next that asks the store: what `docs/contract.md` calls "what
//! the manager does with the answers".

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use super::pending::Pending;
use super::shared::Shared;
use super::state::{Answer, Live, Phase, Presented, Stored};
use crate::{
    Changes, Created, Error, ErrorKind, Load, NewRecord, OpId, Record, Renewed, Result, Saved, Select,
    SessionId, StoredId, Swapped, Taken,
};

type Operation<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Shared {
    /// Loads all attributes, if that has not been done.
    pub(super) async fn load(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        {
            let state = self.access();
            state.check()?;
            let unread = match &state.phase {
                Phase::Unread => true,
                Phase::Live(live) => !live.whole,
                Phase::Nothing | Phase::Gone | Phase::Ambiguous | Phase::Failed(_) | Phase::Unknown(_) => {
                    false
                }
            };
            if !unread {
                return Ok(());
            }
        }
        self.read(Select::All).await
    }

    /// Loads those of these attributes that this request does not know, and no other.
    pub(crate) async fn load_only(&self, names: &[&str]) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.read_only(names).await
    }

    /// One attribute as this request sees it, loading no other.
    pub(super) async fn fetch(&self, name: &str) -> Result<Option<Bytes>> {
        let _turn = self.turn.lock().await;
        {
            let mut state = self.access();
            state.check()?;
            self.note_read(&mut state, name);
            if let Some(change) = state.pending.attributes.get(name) {
                return Ok(change.clone());
            }
        }
        self.read_only(&[name]).await?;
        Ok(self.state().attribute(name).cloned())
    }

    /// The same as `load_only`, for who has the turn.
    async fn read_only(&self, names: &[&str]) -> Result<()> {
        let unread = {
            let state = self.access();
            state.check()?;
            state.unread(names)
        };
        match unread.as_deref() {
            None => Ok(()),
            Some([]) => self.read(Select::Metadata).await,
            Some(names) => self.read(Select::Only(names)).await,
        }
    }

    /// Asks the store for the presented session, or for the one that is known already.
    pub(super) async fn read(&self, select: Select<'_>) -> Result<()> {
        let ids = {
            let state = self.state();
            match state.live() {
                Some(live) => Presented::One(live.id.clone()),
                None => state.presented.clone(),
            }
        };
        let found = match ids {
            Presented::Nothing | Presented::Undecoded(_) => Ok(Phase::Nothing),
            Presented::One(id) => self.find(id, select).await,
            Presented::Several(ids) => self.find_one_of(ids, select).await,
        };
        let mut state = self.state();
        let phase = match found {
            Err(error) => {
                state.phase = Phase::Failed(error.clone());
                return Err(error);
            }
            Ok(phase) => phase,
        };
        state.phase = match (phase, std::mem::take(&mut state.phase)) {
            (Phase::Live(mut now), Phase::Live(before)) => {
                now.is_new = before.is_new;
                now.merge(*before);
                Phase::Live(now)
            }
            (Phase::Nothing, Phase::Live(_)) => Phase::Gone,
            (phase, _) => phase,
        };
        Ok(())
    }

    /// What the session of this id is to the request: `Live`, `Gone` or `Nothing`.
    async fn find(&self, id: SessionId, select: Select<'_>) -> Result<Phase> {
        let stored = id.stored(&self.manager.namespace);
        Ok(match self.manager.store.load(&stored, select, self.request()).await? {
            Load::Live { record, now } => Phase::Live(Box::new(Live::read(id, stored, record, now, select))),
            Load::Gone => Phase::Gone,
            Load::Absent => Phase::Nothing,
        })
    }

    /// The same for several ids, all asked for in one trip. One live session is the request's; of several, none.
    async fn find_one_of(&self, ids: Vec<SessionId>, select: Select<'_>) -> Result<Phase> {
        let mut phase = Phase::Nothing;
        for found in join_all(ids.into_iter().map(|id| self.find(id, select))).await {
            phase = match (phase, found?) {
                (Phase::Live(_) | Phase::Ambiguous, Phase::Live(_)) => Phase::Ambiguous,
                (phase @ (Phase::Live(_) | Phase::Ambiguous), _) | (phase, Phase::Nothing) => phase,
                (_, found) => found,
            };
        }
        Ok(phase)
    }

    /// Where an operation that changes something is to be sent: `None` when there is no session, `Gone` when it was
    /// ended over this request's head, `Conflict` when several were presented.
    pub(super) async fn target(&self) -> Result<Option<Stored>> {
        if let Some(known) = self.known_target()? {
            return Ok(known);
        }
        self.read(Select::Metadata).await?;
        self.known_target().map(Option::flatten)
    }

    /// The same, as far as it can be told without asking the store.
    fn known_target(&self) -> Result<Option<Option<Stored>>> {
        let state = self.access();
        state.check_open()?;
        match (&state.phase, &state.presented) {
            (Phase::Live(live), _) => Ok(Some(Some(live.target()))),
            (Phase::Unread, Presented::One(id)) => {
                Ok(Some(Some(Stored::unread(id.clone(), &self.manager.namespace))))
            }
            (Phase::Unread, Presented::Several(_)) => Ok(None),
            (Phase::Unread, Presented::Nothing | Presented::Undecoded(_)) | (Phase::Nothing, _) => {
                Ok(Some(None))
            }
            (Phase::Gone, _) => Err(gone()),
            (Phase::Ambiguous, _) => Err(Error::new(
                ErrorKind::Conflict,
                "the request presented several live sessions: none of them is changed",
            )),
            (Phase::Failed(error) | Phase::Unknown(error), _) => Err(error.clone()),
        }
    }

    /// Sends a write. From here until it answers its outcome is unknown, also when the caller is dropped.
    pub(super) async fn write<T>(&self, operation: Operation<'_, T>) -> Result<T> {
        let in_flight = InFlight { shared: self, answered: false };
        let result = operation.await;
        in_flight.answered(result.as_ref().err());
        result
    }

    /// The store did not find the session. One that this request had read, or that was ended over its head, is
    /// `Gone`; otherwise there is none from now on.
    fn missed(&self, target: &Stored, says_gone: bool) -> Result<()> {
        let mut state = self.state();
        if says_gone || target.loaded {
            state.phase = Phase::Gone;
            return Err(gone());
        }
        state.phase = Phase::Nothing;
        Ok(())
    }

    pub(super) fn pending(&self, touch: bool) -> Arc<Changes> {
        self.state().pending.share(touch)
    }

    pub(super) fn applied(&self, changes: &Changes) {
        self.state().applied(changes, self.manager.touch);
    }

    /// Writes what is pending; begins a session for it if there is none.
    pub(super) async fn save(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.save_pending().await
    }

    /// The same, for who has the turn.
    pub(super) async fn save_pending(&self) -> Result<()> {
        if self.access().pending.is_empty() {
            return self.state().check_open();
        }
        if let Some(target) = self.target().await? {
            let changes = self.pending(target.touch);
            match self.write(self.manager.store.save(&target.stored, &changes, self.request())).await? {
                Saved::Applied => {
                    self.applied(&changes);
                    return Ok(());
                }
                Saved::Gone => self.missed(&target, true)?,
                Saved::Absent => self.missed(&target, false)?,
            }
        }
        let changes = self.pending(false);
        if changes.begins_a_session() {
            return self.create(&changes).await;
        }
        // There is nothing to remove from, and nothing that could be given another timeout.
        self.applied(&changes);
        Ok(())
    }

    /// Begins an empty session.
    pub(super) async fn begin(&self) -> Result<()> {
        self.create(&Changes::new()).await
    }

    /// Begins a session with these changes, under a new id: never under one that was presented.
    async fn create(&self, changes: &Changes) -> Result<()> {
        let id = self.create_record(changes.to_new_record(self.manager.anonymous_expiry())).await?;
        self.state().answer = Some(Answer::Issue(id));
        self.applied(changes);
        Ok(())
    }

    /// Begins a session that the client is not told of yet.
    pub(super) async fn create_record(&self, new: NewRecord) -> Result<SessionId> {
        let manager = &self.manager;
        let id = SessionId::generate(&*manager.random)?;
        let stored = id.stored(&manager.namespace);
        let created = self.write(manager.store.create(&stored, &new, self.request())).await?;
        let mut state = self.state();
        match created {
            Created::Created => {
                let now = manager.clock.now();
                let mut record = Record::new(&NewRecord::new(new.expiry), now, manager.touch);
                record.attributes = new.attributes;
                let mut live = Live::read(id.clone(), stored, Arc::new(record), now, Select::All);
                live.is_new = true;
                state.phase = Phase::Live(Box::new(live));
                Ok(id)
            }
            Created::Gone => {
                state.phase = Phase::Gone;
                Err(gone())
            }
        }
    }

    /// The session of this request under a new id, with what is pending.
    pub(super) async fn rotate(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        if let Some(target) = self.target().await? {
            match self.swap_secret(&target, &self.pending(target.touch)).await? {
                Saved::Applied => return Ok(()),
                Saved::Gone => self.missed(&target, true)?,
                Saved::Absent => self.missed(&target, false)?,
            }
        }
        let changes = self.pending(false);
        if changes.begins_a_session() {
            return self.create(&changes).await;
        }
        Err(Error::new(ErrorKind::NoSession, "there is no session whose id could be rotated"))
    }

    /// Gives the session another secret, together with the changes.
    async fn swap_secret(&self, target: &Stored, changes: &Changes) -> Result<Saved> {
        let manager = &self.manager;
        let id = target.id.with_new_secret(&*manager.random)?;
        let stored = id.stored(&manager.namespace);
        let rotation = manager.store.rotate(&target.stored, stored.digest(), changes, self.request());
        let rotated = self.write(rotation).await?;
        if rotated == Saved::Applied {
            self.renamed(id, stored, changes);
        }
        Ok(rotated)
    }

    /// The store has given the session another secret, together with the changes.
    pub(super) fn renamed(&self, id: SessionId, stored: StoredId, changes: &Changes) {
        self.applied(changes);
        let mut state = self.state();
        state.rename(&id, stored);
        state.answer = Some(Answer::Issue(id));
    }

    /// Ends the session. The handle is an empty new one afterwards.
    pub(super) async fn invalidate(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        let target = match self.target().await {
            Ok(target) => target,
            Err(error) if error.kind() == ErrorKind::Gone => None,
            Err(error) => return Err(error),
        };
        if let Some(target) = target {
            let op = OpId::generate(&*self.manager.random)?;
            match self.write(self.manager.store.delete(&target.stored, op, self.request())).await? {
                // Only the call that ended the session takes the cookie back: by now it might be a login's.
                Saved::Applied => self.state().end(),
                // It has ended, as was asked for. That it is gone is for a later change to hear.
                Saved::Gone => drop(self.missed(&target, true)),
                Saved::Absent => drop(self.missed(&target, false)),
            }
        }
        self.state().pending = Pending::default();
        Ok(())
    }

    /// Takes an attribute out of the session. A pending change of it goes with it.
    pub(crate) async fn take(&self, name: &str) -> Result<Option<Bytes>> {
        let _turn = self.turn.lock().await;
        let mut stored = None;
        if let Some(target) = self.target().await? {
            match self.write(self.manager.store.take(&target.stored, name, self.request())).await? {
                Taken::Value(value) => stored = Some(value),
                Taken::Nothing => {}
                Taken::Gone => self.missed(&target, true)?,
                Taken::Absent => self.missed(&target, false)?,
            }
        }
        let mut state = self.state();
        state.forget(name);
        Ok(state.pending.edit().attributes.remove(name).unwrap_or(stored))
    }

    /// Replaces an attribute by what `next` makes of it, until nobody has changed it in between. A pending change
    /// of it is what `next` starts from, and goes with it.
    pub(super) async fn modify(
        &self,
        name: &str,
        next: &mut (dyn FnMut(Option<&Bytes>) -> Result<Bytes> + Send),
    ) -> Result<()> {
        let _turn = self.turn.lock().await;
        let mut target = self.target().await?;
        let (pending, mut stored) = {
            let state = self.state();
            let stored = state.live().and_then(|live| live.record.attributes.get(name).cloned());
            (state.pending.attributes.get(name).cloned(), stored)
        };
        let give_up = self.manager.clock.monotonic().saturating_add(self.manager.budget);
        loop {
            let value = next(pending.as_ref().unwrap_or(&stored).as_ref())?;
            self.check_limits(&self.state(), name, value.len())?;
            let Some(at) = &target else {
                self.state().pending.edit().set(name, value);
                return self.create(&self.pending(false)).await;
            };
            let swap = self.manager.store.replace_if(
                &at.stored,
                name,
                stored.as_deref(),
                Some(&value),
                self.request(),
            );
            match self.write(swap).await? {
                Swapped::Applied => {
                    let mut state = self.state();
                    state.pending.edit().attributes.remove(name);
                    state.remember(name, value);
                    return Ok(());
                }
                Swapped::Conflict(found) => {
                    stored = found;
                    // It has been read now: should it have ended by the next try, nothing of it begins another one.
                    target = target.map(|at| Stored { loaded: true, ..at });
                }
                Swapped::Gone => self.missed(at, true)?,
                Swapped::Absent => {
                    self.missed(at, false)?;
                    target = None;
                }
            }
            if self.manager.clock.monotonic() >= give_up {
                return Err(Error::new(ErrorKind::Conflict, "the attribute kept changing under `modify`"));
            }
        }
    }

    /// Notes that the session was used. It fails without a trace: an answer never depends on it.
    pub(super) async fn touch(&self, target: &Stored) {
        drop(self.manager.store.touch(&target.stored, self.request()).await);
    }

    /// The same by an operation that tells whether the session is still there under its id.
    pub(super) async fn touch_by_save(&self, target: &Stored) -> bool {
        let mut changes = Changes::new();
        changes.touch = true;
        let saved = self.manager.store.save(&target.stored, &changes, self.request()).await;
        matches!(saved, Ok(Saved::Applied))
    }

    /// Writes attributes that have not been changed, if the session is still there. If not, nothing is refused: the
    /// request has not asked for anything.
    pub(super) async fn keep(&self, target: &Stored, mut unchanged: Changes) -> Result<bool> {
        unchanged.touch = target.touch;
        let saved = self.write(self.manager.store.save(&target.stored, &unchanged, self.request())).await?;
        Ok(saved == Saved::Applied)
    }

    /// Hands the present id out again, if nothing else is to be told. Only once the store has said that it is good:
    /// an answer that comes late must not bring back the id of a session that has ended.
    pub(super) fn reissue(&self) {
        let mut state = self.state();
        if let (Some(live), None) = (state.live(), &state.answer) {
            state.answer = Some(Answer::Issue(live.id.clone()));
        }
    }

    /// Makes a new id the candidate, if none waits. It fails without a trace, too: the present id stays good.
    pub(super) async fn renew(&self, target: &Stored) {
        let manager = &self.manager;
        let Some(renewal) = manager.store.capabilities().renewal else { return };
        let Ok(id) = target.id.with_new_secret(&*manager.random) else { return };
        let new = id.digest(&manager.namespace);
        if let Ok(Renewed::Issued) = renewal.renew(&target.stored, &new, self.request()).await {
            self.state().answer = Some(Answer::Issue(id));
        }
    }
}

pub(super) fn gone() -> Error {
    Error::new(ErrorKind::Gone, "the session was ended or given a new id while this request was under way")
}

/// Marks the outcome of a write as unknown unless its answer comes.
struct InFlight<'a> {
    shared: &'a Shared,
    answered: bool,
}

impl InFlight<'_> {
    fn answered(mut self, error: Option<&Error>) {
        self.answered = true;
        if let Some(error) = error.filter(|error| error.leaves_outcome_unknown()) {
            self.shared.state().phase = Phase::Unknown(error.clone());
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.shared.state().phase = Phase::Unknown(Error::new(
                ErrorKind::Unavailable,
                "an operation on this session was dropped before the store answered",
            ));
        }
    }
}
