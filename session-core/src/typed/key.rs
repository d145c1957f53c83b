use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{LazySession, Result, Session};

/// An attribute's name and type in one, said once: for those who prefer it to a name at every use.
///
/// ```
/// use session_core::{Key, Session};
///
/// const VISITS: Key<u32> = Key::new("visits");
///
/// fn visit(session: &Session) -> session_core::Result<u32> {
///     let visits = VISITS.get(session)?.unwrap_or_default() + 1;
///     VISITS.insert(session, &visits)?;
///     Ok(visits)
/// }
/// ```
pub struct Key<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    /// The attribute of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// The attribute's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// See [`LazySession::remove`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::remove`].
    pub fn remove(&self, session: &LazySession) -> Result<()> {
        session.remove(self.name)
    }
}

impl<T: DeserializeOwned> Key<T> {
    /// See [`Session::get`].
    ///
    /// # Errors
    ///
    /// Those of [`Session::get`].
    pub fn get(&self, session: &Session) -> Result<Option<T>> {
        session.get(self.name)
    }

    /// See [`LazySession::fetch`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::fetch`].
    pub async fn fetch(&self, session: &LazySession) -> Result<Option<T>> {
        session.fetch(self.name).await
    }

    /// See [`LazySession::take`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::take`].
    pub async fn take(&self, session: &LazySession) -> Result<Option<T>> {
        session.take(self.name).await
    }
}

impl<T: Serialize> Key<T> {
    /// See [`LazySession::insert`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::insert`].
    pub fn insert(&self, session: &LazySession, value: &T) -> Result<()> {
        session.insert(self.name, value)
    }
}

impl<T: Serialize + DeserializeOwned> Key<T> {
    /// See [`Session::update`].
    ///
    /// # Errors
    ///
    /// Those of [`Session::update`].
    pub fn update<R>(&self, session: &Session, change: impl FnOnce(&mut T) -> R) -> Result<R>
    where
        T: Default,
    {
        session.update(self.name, change)
    }

    /// See [`LazySession::modify`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::modify`].
    pub async fn modify(&self, session: &LazySession, next: impl FnMut(Option<T>) -> T + Send) -> Result<T>
    where
        T: Send,
    {
        session.modify(self.name, next).await
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.name).finish()
    }
}
