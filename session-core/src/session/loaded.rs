use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::LazySession;
use crate::{Name, Principal, Result, Timestamp};

/// The session of a request, read. A cheap clone: all clones are the same session.
///
/// Reading is synchronous, and a value is decoded when it is asked for: of a large session nothing else costs
/// anything. What this request has changed is seen at once; what others change is not, until
/// [`take`](LazySession::take) or [`modify`](LazySession::modify) ask for it.
///
/// It is a [`LazySession`] that has been loaded: all that changes a session is there.
///
/// ```
/// # use std::sync::Arc;
/// # async fn example(manager: Arc<session_core::SessionManager>) -> session_core::Result<()> {
/// let session = manager.open([]).load().await?;
/// assert_eq!(session.get::<u32>("visits")?, None);
/// session.insert("visits", &1)?;
/// assert_eq!(session.get::<u32>("visits")?, Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session {
    lazy: LazySession,
}

impl Session {
    pub(super) fn new(lazy: LazySession) -> Self {
        Self { lazy }
    }

    /// The attribute, decoded now.
    ///
    /// # Errors
    ///
    /// `Undecodable` when it is not a `T`: the session and its other attributes are fine. The error of an earlier
    /// operation that left the session's state unknown.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.shared().get(name)
    }

    /// Whether there is an attribute of this name, whatever its type.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.shared().access().attribute(name).is_some()
    }

    /// The names of all attributes, in order: a snapshot, so that attributes can be removed on the way.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        self.shared().access().names()
    }

    /// Changes an attribute in place, starting from its default if there is none. Written with the response head;
    /// against a concurrent request the later write wins. Where none may be lost:
    /// [`modify`](LazySession::modify).
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get) and [`insert`](LazySession::insert).
    pub fn update<T, R>(&self, name: &str, change: impl FnOnce(&mut T) -> R) -> Result<R>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let mut value = self.get(name)?.unwrap_or_default();
        let result = change(&mut value);
        self.insert(name, &value)?;
        Ok(result)
    }

    /// Whether there is a session: one that was presented and is live, or one that began with this request.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.shared().access().live().is_some()
    }

    /// Whether it begins with this request: there was none, or what was presented has ended.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.shared().access().live().is_none_or(|live| live.is_new)
    }

    /// When it began. `None` while it has not.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.shared().access().live().map(|live| live.record.created)
    }

    /// When its use was last noted, before this request. Behind the truth by at most the
    /// [touch setting](crate::ManagerBuilder::touch).
    #[must_use]
    pub fn last_accessed_at(&self) -> Option<Timestamp> {
        self.shared().access().live().map(|live| live.record.last_accessed)
    }

    /// How long after its last use it ends; `None`: that does not end it.
    #[must_use]
    pub fn idle_timeout(&self) -> Option<Duration> {
        let state = self.shared().access();
        let usual = || self.manager().anonymous_expiry().idle_timeout();
        let stored = || state.live().map_or_else(usual, |live| live.record.idle);
        state.pending.idle.unwrap_or_else(stored)
    }

    /// When it ends however much it is used, if it has such an end.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.shared().access().live()?.record.end
    }

    /// Whose session it is, if somebody has [signed in](LazySession::sign_in).
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.shared().access().live()?.record.principal.clone()
    }
}

impl Deref for Session {
    type Target = LazySession;

    fn deref(&self) -> &LazySession {
        &self.lazy
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lazy.fmt(f)
    }
}
