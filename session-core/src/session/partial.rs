use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{LazySession, Session};
use crate::{Principal, Result, Timestamp};

/// A session of which some attributes were [read](LazySession::load_only). A cheap clone: all handles of a request
/// are the same session.
///
/// Reading is synchronous. An attribute that nobody has asked for is an error, never `None`: it may well be there.
/// What another handle of the request has loaded or changed is known here, too.
///
/// It is a [`LazySession`] otherwise: all that changes a session is there, and so is [`load`](LazySession::load)
/// for the rest.
#[derive(Clone)]
pub struct PartialSession {
    /// It is asked only for what was read.
    session: Session,
}

impl PartialSession {
    pub(super) fn new(session: Session) -> Self {
        Self { session }
    }

    /// The attribute, decoded now.
    ///
    /// # Errors
    ///
    /// [`NotLoaded`](crate::ErrorKind::NotLoaded) when it was neither read nor changed by this request; those of
    /// [`Session::get`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.session.get(name)
    }

    /// Whether there is an attribute of this name, whatever its type.
    ///
    /// # Errors
    ///
    /// [`NotLoaded`](crate::ErrorKind::NotLoaded), as for [`get`](Self::get).
    pub fn contains(&self, name: &str) -> Result<bool> {
        self.session.shared().contains(name)
    }

    /// See [`Session::update`].
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get) and [`insert`](LazySession::insert).
    pub fn update<T, R>(&self, name: &str, change: impl FnOnce(&mut T) -> R) -> Result<R>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        self.session.update(name, change)
    }

    /// See [`Session::exists`].
    #[must_use]
    pub fn exists(&self) -> bool {
        self.session.exists()
    }

    /// See [`Session::is_new`].
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.session.is_new()
    }

    /// See [`Session::principal`].
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.session.principal()
    }

    /// See [`Session::created_at`].
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.session.created_at()
    }

    /// See [`Session::last_accessed_at`].
    #[must_use]
    pub fn last_accessed_at(&self) -> Option<Timestamp> {
        self.session.last_accessed_at()
    }

    /// See [`Session::idle_timeout`].
    #[must_use]
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.session.idle_timeout()
    }

    /// See [`Session::ends_at`].
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.session.ends_at()
    }
}

impl Deref for PartialSession {
    type Target = LazySession;

    fn deref(&self) -> &LazySession {
        &self.session
    }
}

impl fmt::Debug for PartialSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}
