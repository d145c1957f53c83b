use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::state::{Phase, Presented, State};
use crate::{Access, Error, ErrorKind, Handle, Name, Result, SaveMode, SessionManager, codec};

/// One request's session: what all its handles share.
pub(crate) struct Shared {
    pub(crate) manager: Arc<SessionManager>,
    /// When the request arrived, on the manager's monotonic clock.
    arrived: Duration,
    state: Mutex<State>,
    /// Held by the one operation that is under way at the store: the handles of a request take turns.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Shared {
    pub(crate) fn open(manager: Arc<SessionManager>, presented: Presented) -> Arc<Self> {
        let arrived = manager.clock.monotonic();
        let turn = tokio::sync::Mutex::new(());
        // Made last and in its place, so that it is not copied on the way: every request passes here.
        Arc::new(Self { manager, arrived, turn, state: Mutex::new(State { presented, ..State::default() }) })
    }

    /// Another handle on the same session, with a state of its own.
    pub(super) fn detached(&self, phase: Phase) -> Arc<Self> {
        Arc::new(Self {
            manager: self.manager.clone(),
            arrived: self.arrived,
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State { phase, ..State::default() }),
        })
    }

    /// The state, for an accessor: the answer depends on the session from now on.
    pub(super) fn access(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.accessed = true;
        state.presented.decode();
        state
    }

    /// The state, for the library itself. No code of the application runs under this lock, so that a poisoned one
    /// is as good as any.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request, as the store needs to know it.
    pub(super) fn request(&self) -> Access {
        self.manager.access(self.arrived)
    }

    pub(super) fn handle(&self) -> Option<Handle> {
        self.access().live().map(|live| *live.stored.handle())
    }

    /// The attribute as this request sees it.
    pub(crate) fn attribute(&self, name: &str) -> Result<Option<Bytes>> {
        let mut state = self.knowing(name)?;
        self.note_read(&mut state, name);
        Ok(state.attribute(name).cloned())
    }

    /// The same, decoded.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let mut state = self.knowing(name)?;
        self.note_read(&mut state, name);
        if let Some(change) = state.pending.attributes.get(name) {
            let change = change.clone();
            drop(state);
            return change.map(|bytes| self.decode(&bytes)).transpose();
        }
        // What was read is shared, not copied: decoding is the application's code, and not for under the lock.
        let Some(record) = state.live().map(|live| live.record.clone()) else { return Ok(None) };
        drop(state);
        record.attributes.get(name).map(|bytes| self.decode(bytes)).transpose()
    }

    pub(super) fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.knowing(name)?.attribute(name).is_some())
    }

    /// The state, for an accessor of this attribute, which must be known.
    fn knowing(&self, name: &str) -> Result<MutexGuard<'_, State>> {
        let state = self.access();
        state.check()?;
        state.check_read(name)?;
        Ok(state)
    }

    /// Notes that an attribute was read, where that means that it is written, too.
    pub(super) fn note_read(&self, state: &mut State, name: &str) {
        if self.manager.save == SaveMode::Read && !state.has_read(name) {
            state.read.push(name.into());
        }
    }

    /// A change could not be taken when nobody could be told: the answer tells it. The first one counts.
    pub(crate) fn refuse(&self, error: Error) {
        self.state().refused.get_or_insert(error);
    }

    /// Sets an attribute, in this request's changes.
    pub(super) fn insert(&self, name: &str, value: &dyn erased_serde::Serialize) -> Result<()> {
        let bytes = self.manager.codec.encode(value)?;
        let mut state = self.access();
        state.check_open()?;
        self.check_limits(&state, name, bytes.len())?;
        state.pending.edit().attributes.insert(name.into(), Some(bytes));
        Ok(())
    }

    /// Removes an attribute, in this request's changes.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let mut state = self.access();
        state.check_open()?;
        state.pending.edit().attributes.insert(name.into(), None);
        Ok(())
    }

    pub(super) fn set_idle_timeout(&self, idle: Option<Duration>) -> Result<()> {
        let idle = idle.map(|idle| crate::expiry::positive(idle, "the idle timeout")).transpose()?;
        let mut state = self.access();
        state.check_open()?;
        state.pending.edit().idle = Some(idle);
        Ok(())
    }

    pub(super) fn check_limits(&self, state: &State, name: &str, bytes: usize) -> Result<()> {
        let limits = &self.manager.limits;
        let too_large = |what: &str, is: usize, most: usize| {
            Err(Error::new(ErrorKind::TooLarge, format!("{what} would be {is}, the limit is {most}")))
        };
        if name.len() > limits.name_bytes {
            return too_large("the length of an attribute's name", name.len(), limits.name_bytes);
        }
        if bytes > limits.attribute_bytes {
            return too_large("the size of a session attribute", bytes, limits.attribute_bytes);
        }
        let (count, size) = others(state, name);
        if count + 1 > limits.attributes {
            return too_large("the number of session attributes", count + 1, limits.attributes);
        }
        let size = size + name.len() + bytes;
        if size > limits.session_bytes {
            return too_large("the size of the session", size, limits.session_bytes);
        }
        Ok(())
    }

    pub(crate) fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T> {
        codec::decode(&*self.manager.codec, bytes)
    }
}

/// How many attributes beside `name` this request sees, and how large they are.
fn others(state: &State, name: &str) -> (usize, usize) {
    let stored = state.live().map(|live| &live.record.attributes);
    let untouched =
        stored.into_iter().flatten().filter(|(it, _)| !state.pending.attributes.contains_key(&***it));
    let pending =
        state.pending.attributes.iter().filter_map(|(it, value)| value.as_ref().map(|value| (it, value)));
    untouched
        .chain(pending)
        .filter(|(it, _)| &***it != name)
        .fold((0, 0), |(count, size), (it, value): (&Name, _)| (count + 1, size + it.len() + value.len()))
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let phase = match &state.phase {
            Phase::Unread => "unread",
            Phase::Live(_) => "live",
            Phase::Nothing => "none",
            Phase::Gone => "gone",
            Phase::Ambiguous => "ambiguous",
            Phase::Failed(_) => "failed",
            Phase::Unknown(_) => "unknown",
        };
        f.debug_struct("Session")
            .field("state", &phase)
            .field("handle", &state.live().map(|live| *live.stored.handle()))
            .field("pending", &*state.pending)
            .finish_non_exhaustive()
    }
}
