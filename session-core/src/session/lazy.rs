use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Shared;
use super::operations::gone;
use super::state::Phase;
use crate::{
    DetachedSession, Handle, PartialSession, Principal, Result, Session, SessionAttributes, SessionLimit,
    SessionManager, TypedAttributes,
};

/// The session of a request, not read yet. A cheap clone: all clones are the same session.
///
/// A request that never asks for its session costs the store nothing, and changes need no read:
/// [`insert`](Self::insert) and [`remove`](Self::remove) are written *blind*, in one round trip when the response
/// head leaves. [`load`](Self::load) reads everything, [`load_only`](Self::load_only) what is named,
/// [`fetch`](Self::fetch) one attribute.
///
/// Three kinds of operation:
///
/// - **changes** (`insert`, `remove`, `set_idle_timeout`) are synchronous and written once, at the response head,
///   unless the answer is a 5xx or 408 or the handler is dropped;
/// - **attribute operations** ([`take`](Self::take), [`modify`](Self::modify), [`save`](Self::save)) are atomic and
///   durable when they return, whatever becomes of the answer;
/// - **identity operations** ([`rotate`](Self::rotate), [`sign_in`](Self::sign_in), [`invalidate`](Self::invalidate),
///   [`revoke_others`](Self::revoke_others)) are durable when they return, and what they tell the client leaves with
///   whatever answer leaves.
///
/// Each operation at the store is one round trip, bounded by the store's budget. If one fails as
/// [`Unavailable`](crate::ErrorKind::Unavailable) or [`Timeout`](crate::ErrorKind::Timeout), or is dropped before it
/// answers, nobody knows whether it was applied: every later operation of this request fails with the same error,
/// and its answer becomes a 503 that leaves the cookie alone.
#[derive(Clone)]
pub struct LazySession {
    shared: Arc<Shared>,
}

impl LazySession {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The manager whose session this is.
    #[must_use]
    pub fn manager(&self) -> &Arc<SessionManager> {
        &self.shared.manager
    }

    /// Reads the session with all its attributes: one round trip, none if it was read already.
    ///
    /// No live session is not an error: [`Session::exists`] tells, reads are empty, and a first change begins one.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` when the store cannot be asked. It never looks like "no session".
    pub async fn load(&self) -> Result<Session> {
        self.shared.load().await?;
        Ok(Session::new(self.clone()))
    }

    /// Reads these attributes of the session and no others, in one command: for a session of which the handler needs
    /// a small part. Without names: whether there is a session, whose it is, and its times.
    ///
    /// At most one round trip, and what the request knows already is not asked for again: none if it knows all of
    /// them, or that there is no session. A [`load`](Self::load) may follow; it is one more round trip, which reads
    /// everything.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use session_core::ErrorKind;
    /// # async fn example(manager: Arc<session_core::SessionManager>) -> session_core::Result<()> {
    /// # let request = manager.open([]);
    /// let session = request.load_only(&["cart", "currency"]).await?;
    /// let cart: Vec<u64> = session.get("cart")?.unwrap_or_default();
    /// session.insert("cart_size", &cart.len())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load).
    pub async fn load_only(&self, names: &[&str]) -> Result<PartialSession> {
        self.shared.load_only(names).await?;
        Ok(PartialSession::new(Session::new(self.clone())))
    }

    /// One attribute, reading no other: one round trip, none if it is known already.
    ///
    /// # Errors
    ///
    /// `Undecodable` when the attribute is not a `T`; `Unavailable` or `Timeout` when the store cannot be asked.
    pub async fn fetch<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let bytes = self.shared.fetch(name).await?;
        bytes.map(|bytes| self.shared.decode(&bytes)).transpose()
    }

    /// Reads the attributes of a struct, loading no other: one round trip, none if they are known already, and one more
    /// for each one-time attribute that is there.
    ///
    /// # Errors
    ///
    /// `Missing` when an attribute is not there that has no default; `Undecodable` when one is not of its field's
    /// type; `Unavailable` or `Timeout` when the store cannot be asked.
    pub async fn load_as<T: SessionAttributes>(&self) -> Result<TypedAttributes<T>> {
        TypedAttributes::load(self).await
    }

    /// Sets an attribute. Encoded now, written with the response head.
    ///
    /// # Errors
    ///
    /// `Unencodable`; `TooLarge` when it exceeds a [limit](crate::Limits); `Committed` once the response has begun.
    /// Nothing of it is stored then.
    pub fn insert<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<()> {
        self.shared.insert(name, &value)
    }

    /// Removes an attribute. Written with the response head; from a session that does not exist, not at all.
    ///
    /// # Errors
    ///
    /// `Committed` once the response has begun.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.shared.remove(name)
    }

    /// Gives this session an idle timeout of its own, counted from now; `None` for none. Written with the response
    /// head.
    ///
    /// # Errors
    ///
    /// `Config` when it is less than a millisecond; `Committed` once the response has begun.
    pub fn set_idle_timeout(&self, idle: Option<Duration>) -> Result<()> {
        self.shared.set_idle_timeout(idle)
    }

    /// Removes an attribute and returns it, now: of any number of callers, on any node, one gets it. For captchas,
    /// one-time codes and anti-forgery values. A pending change of the attribute goes with it.
    ///
    /// # Errors
    ///
    /// `Gone` when the session was ended over this request's head; `Undecodable` when the attribute is not a `T`
    /// (it is removed all the same); after `Unavailable` or `Timeout` the value may be lost: it is never handed out
    /// twice.
    pub async fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let bytes = self.shared.take(name).await?;
        bytes.map(|bytes| self.shared.decode(&bytes)).transpose()
    }

    /// Replaces an attribute by what `next` makes of it, now, so that no other writer's change is lost: `next` is
    /// called again with the new value whenever another was faster. Begins a session if there is none.
    ///
    /// One round trip if the attribute was read and nobody interfered, one more for each interference or if it was
    /// not read.
    ///
    /// # Errors
    ///
    /// `Gone`; `Conflict` when others kept being faster for two seconds; `Undecodable`, `Unencodable`, `TooLarge`;
    /// after `Unavailable` or `Timeout` it may have been applied, once.
    pub async fn modify<T, F>(&self, name: &str, mut next: F) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send,
        F: FnMut(Option<T>) -> T + Send,
    {
        let mut latest = None;
        let shared = &self.shared;
        let mut step = |before: Option<&bytes::Bytes>| {
            let before = before.map(|bytes| shared.decode(bytes)).transpose()?;
            let after = latest.insert(next(before));
            shared.manager.codec.encode(&&*after)
        };
        shared.modify(name, &mut step).await?;
        latest.ok_or_else(gone)
    }

    /// Writes what is pending, now; begins a session if there is something to begin one with.
    ///
    /// # Errors
    ///
    /// `Gone` when the session was ended or rotated over this request's head: nothing was written.
    pub async fn save(&self) -> Result<()> {
        self.shared.save().await
    }

    /// Gives the session a new id, now, and writes what is pending in the same step. The old id is worth nothing
    /// at once, on every node. For any change of what the user may do; a login is [`sign_in`](Self::sign_in).
    ///
    /// # Errors
    ///
    /// `Gone` when the session was ended or rotated over this request's head; `NoSession` when there is none and
    /// nothing to begin one with.
    pub async fn rotate(&self) -> Result<()> {
        self.shared.rotate().await
    }

    /// Makes the session the principal's, now, under a new id, with what is pending in the same step (ASVS 5.0,
    /// 7.2.4: the id from before the login is worth nothing). Both timeouts start anew.
    ///
    /// Begins a session if there is none or if it has just ended, so that a double click on "log in" succeeds
    /// twice. A session that is somebody else's ends, and another one begins without its attributes. If the
    /// manager was given a [limit](crate::ManagerBuilder::session_limit), it holds.
    ///
    /// One operation of the store; one more where a session begins, two where somebody else's ends first.
    ///
    /// # Errors
    ///
    /// `Gone` when the principal was logged out everywhere while this request was under way; `LimitReached`; those
    /// of the store.
    pub async fn sign_in(&self, principal: impl Into<Principal>) -> Result<()> {
        self.sign_in_limited(principal, self.manager().session_limit).await
    }

    /// [`sign_in`](Self::sign_in) with another limit than the manager's, or none: one for administrators, say.
    ///
    /// # Errors
    ///
    /// Those of [`sign_in`](Self::sign_in); `Config` when the store knows no principals.
    pub async fn sign_in_limited(
        &self,
        principal: impl Into<Principal>,
        limit: impl Into<Option<SessionLimit>>,
    ) -> Result<()> {
        self.shared.sign_in(principal.into(), limit.into()).await
    }

    /// Ends all other sessions of this session's principal, now, and says how many there were: after a change of
    /// password (ASVS 5.0, 7.4.3). Sign-ins of theirs that are under way fail.
    ///
    /// # Errors
    ///
    /// `NoSession` when nobody is signed in; `Config` when the store knows no principals; those of the store:
    /// some sessions may have ended then, and the rest will at their next use, or when this is called again.
    pub async fn revoke_others(&self) -> Result<usize> {
        self.shared.revoke_others().await
    }

    /// Ends the session, now and everywhere: no request under way can bring it back. Drops what is pending. The
    /// handle is an empty new session afterwards; a change begins one, for a flash message after the logout, say.
    ///
    /// That the session has ended already is success.
    ///
    /// # Errors
    ///
    /// Those of the store; `Conflict` when the request presented several live sessions.
    pub async fn invalidate(&self) -> Result<()> {
        self.shared.invalidate().await
    }

    /// A handle that outlives the response, for a stream or a socket. Saves what is pending, and begins a session
    /// if there is none, so that the response can carry its cookie.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save) and [`load`](Self::load); `Conflict` when the request presented several live
    /// sessions; `Committed` once the response has begun.
    pub async fn detach(&self) -> Result<DetachedSession> {
        self.shared.detach().await
    }

    /// The session's public name, if it has been read or begun.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        self.shared.handle()
    }

    /// Whether it was ended over this request's head: reads are empty, and a change makes the answer a 409.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.shared.access().phase, Phase::Gone)
    }
}

impl fmt::Debug for LazySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
