use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::operations::gone;
use super::shared::Shared;
use super::state::{Live, Phase};
use super::{LazySession, Session};
use crate::{Handle, Result};

/// A session in the hands of something that outlives the response: a stream, a socket, a task.
///
/// It has read the session as it was when it was detached. Its changes leave by [`save`](Self::save) alone, and it
/// never sends a cookie. Once the session is ended or rotated elsewhere, everything that asks the store is `Gone`.
#[derive(Clone)]
pub struct DetachedSession {
    session: Session,
}

impl Shared {
    pub(super) async fn detach(&self) -> Result<DetachedSession> {
        self.load().await?;
        let _turn = self.turn.lock().await;
        self.save_pending().await?;
        if self.target().await?.is_none() {
            self.begin().await?;
        }
        let Some(live) = self.state().live().map(Live::detached) else { return Err(gone()) };
        let shared = self.detached(Phase::Live(Box::new(live)));
        Ok(DetachedSession { session: Session::new(LazySession::new(shared)) })
    }

    async fn touch_detached(&self) {
        let target = self.state().live().map(Live::target);
        if let Some(target) = target {
            self.touch(&target).await;
        }
    }
}

impl DetachedSession {
    /// The session's public name: what closes the socket when the session ends.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        self.session.handle()
    }

    /// The attribute, as it was when the session was detached, or as changed here.
    ///
    /// # Errors
    ///
    /// Those of [`Session::get`].
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.session.get(name)
    }

    /// Sets an attribute, to be written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::insert`].
    pub fn insert<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<()> {
        self.session.insert(name, value)
    }

    /// Removes an attribute, to be written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::remove`].
    pub fn remove(&self, name: &str) -> Result<()> {
        self.session.remove(name)
    }

    /// Gives the session another idle timeout, to be written by [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::set_idle_timeout`].
    pub fn set_idle_timeout(&self, idle: Option<Duration>) -> Result<()> {
        self.session.set_idle_timeout(idle)
    }

    /// See [`LazySession::take`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::take`].
    pub async fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.session.take(name).await
    }

    /// See [`LazySession::modify`].
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::modify`].
    pub async fn modify<T, F>(&self, name: &str, next: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        F: FnMut(Option<T>) -> T + Send,
    {
        self.session.modify(name, next).await
    }

    /// Notes that the session is in use: what keeps it alive while a socket is open. One round trip; a session that
    /// has ended stays ended, and a store that cannot be asked is not reported.
    pub async fn touch(&self) {
        self.session.shared().touch_detached().await;
    }

    /// Writes what is pending, if anything is, and notes with it that the session is in use. One round trip.
    ///
    /// # Errors
    ///
    /// `Gone` when the session has ended or has another id: nothing was written.
    pub async fn save(&self) -> Result<()> {
        self.session.save().await
    }
}

impl fmt::Debug for DetachedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}
