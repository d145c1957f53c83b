//! What a store knows of principals: who has which sessions, how many at once, and who was logged out everywhere.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Access, Changes, Digest, Error, ErrorKind, Expiry, Handle, OpId, Principal, Record, Result, Select,
    StoredId, Timestamp,
};

/// The sessions of principals. **A part of the contract of stores**, for those that offer it.
///
/// A session is a principal's from its sign-in to its end: it never passes from one principal to another. The
/// sessions of a principal are found as long as they live, also after a node or a connection died between any two
/// commands.
#[async_trait]
pub trait Principals: Send + Sync {
    /// A [`rotate`](crate::SessionStore::rotate) that makes the session the principal's.
    ///
    /// Refused, with nothing written to the session, when the principal was revoked after this request's arrival,
    /// when the session is somebody else's, or when the limit is reached and says so. What the limit evicts has
    /// ended when this returns, and ends before the newcomer begins: more than the limit are never alive.
    ///
    /// Sent again after an unknown outcome it finds its own work done.
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn>;

    /// Live sessions of the principal, at most `page.limit`, with the selected attributes; in no order that is
    /// promised. Page by page, each that lives all the while is shown at least once.
    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found>;

    /// How many live sessions the principal has. One that ended while its node died may be counted until the
    /// principal's sessions are next read.
    async fn count(&self, principal: &Principal) -> Result<usize>;

    /// Logs the principal out: sign-ins that arrived before `now` are refused from now on, and sessions that
    /// were signed in before have ended when no step says that there is `more` to do. One step takes one budget;
    /// it is the next step that is handed the first one's `at`.
    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked>;
}

/// A sign-in, as a store is asked for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignIn {
    /// Whose the session is to be.
    pub principal: Principal,
    /// What the new id's secret digests to.
    pub new: Digest,
    /// When the session ends by itself: both timeouts start anew.
    pub expiry: Expiry,
    /// What else changes with it; the timeouts are among it.
    pub changes: Changes,
    /// How many sessions the principal may have.
    pub limit: Option<SessionLimit>,
    /// Names the ends of what the limit evicts.
    pub op: OpId,
}

impl SignIn {
    /// A sign-in without a limit, that carries these changes of attributes.
    #[must_use]
    pub fn new(principal: Principal, new: Digest, expiry: Expiry, changes: Changes, op: OpId) -> Self {
        let changes = Changes {
            idle: Some(expiry.idle_timeout()),
            absolute: Some(expiry.absolute_timeout()),
            ..changes
        };
        Self { principal, new, expiry, changes, limit: None, op }
    }

    /// The same, with at most this many sessions at once.
    #[must_use]
    pub fn with_limit(self, limit: impl Into<Option<SessionLimit>>) -> Self {
        Self { limit: limit.into(), ..self }
    }
}

/// What became of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum SignedIn {
    /// The session is the principal's, under the new id.
    Applied,
    /// The session was ended or rotated over this request's head.
    Gone,
    /// There is no such session.
    Absent,
    /// The session is another principal's.
    Other,
    /// The principal was logged out everywhere after this request had arrived.
    Revoked,
    /// The principal has as many sessions as the limit allows, and the limit rejects more.
    Full,
}

/// How many sessions a principal may have at once, and what happens to one more.
///
/// ```
/// use session_core::SessionLimit;
///
/// let limit = SessionLimit::evict_oldest(3)?;
/// assert_eq!(limit.max(), 3);
/// assert!(SessionLimit::reject(0).is_err(), "nobody could sign in");
/// # Ok::<_, session_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    max: usize,
    beyond: Beyond,
}

/// What happens when a principal who has as many sessions as allowed signs in once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: a store does each of them")]
pub enum Beyond {
    /// The session that was signed in first ends.
    EvictOldest,
    /// The session that ends first if it is not used again ends now: with equal timeouts the one unused for the
    /// longest time.
    EvictIdle,
    /// The sign-in is refused.
    Reject,
}

impl SessionLimit {
    /// At most `max` sessions; one more ends the one that was signed in first, as far as milliseconds tell them apart.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `max` is zero.
    pub fn evict_oldest(max: usize) -> Result<Self> {
        Self::new(max, Beyond::EvictOldest)
    }

    /// At most `max` sessions; one more ends the one that has been unused for the longest time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `max` is zero.
    pub fn evict_idle(max: usize) -> Result<Self> {
        Self::new(max, Beyond::EvictIdle)
    }

    /// At most `max` sessions; one more is refused, until one of them has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `max` is zero.
    pub fn reject(max: usize) -> Result<Self> {
        Self::new(max, Beyond::Reject)
    }

    fn new(max: usize, beyond: Beyond) -> Result<Self> {
        if max == 0 {
            return Err(Error::new(ErrorKind::Config, "a limit of zero sessions would let nobody sign in"));
        }
        Ok(Self { max, beyond })
    }

    /// How many are allowed.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// What happens to one more.
    #[must_use]
    pub const fn beyond(&self) -> Beyond {
        self.beyond
    }
}

/// Which of a principal's sessions to show.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page {
    /// Go on where this page ended.
    pub after: Option<Cursor>,
    /// How many at most; at least one.
    pub limit: usize,
}

impl Page {
    /// The first `limit` sessions.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit: limit.max(1) }
    }

    /// The `limit` sessions after those of the page that ended with this cursor.
    #[must_use]
    pub fn after(cursor: Cursor, limit: usize) -> Self {
        Self { after: Some(cursor), limit: limit.max(1) }
    }
}

/// Where a page ended, in the words of the store that made it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Box<[u8]>);

impl Cursor {
    /// A store's own words.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The store's own words.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Sessions of a principal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// The sessions of this page. There may be fewer than asked for, also none, before the last page.
    pub sessions: Vec<(Handle, Arc<Record>)>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

impl Found {
    /// A page.
    #[must_use]
    pub fn new(sessions: Vec<(Handle, Arc<Record>)>, next: Option<Cursor>) -> Self {
        Self { sessions, next }
    }
}

/// A logout everywhere, as a store is asked for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Revocation {
    /// Names the ends.
    pub op: OpId,
    /// A session that goes on.
    pub keep: Option<Handle>,
    /// How long it must be known that there was a revocation: as long as a session signed in before it could
    /// live unnoticed.
    pub remember: Duration,
    /// When the revocation was, for its second and later steps.
    pub at: Option<Timestamp>,
}

impl Revocation {
    /// The first step of a logout everywhere.
    #[must_use]
    pub fn new(op: OpId, remember: Duration) -> Self {
        Self { op, keep: None, remember, at: None }
    }

    /// The same, but for this session.
    #[must_use]
    pub fn keeping(self, handle: impl Into<Option<Handle>>) -> Self {
        Self { keep: handle.into(), ..self }
    }

    /// The step after one that was carried out `at`.
    #[must_use]
    pub fn continued(self, at: Timestamp) -> Self {
        Self { at: Some(at), ..self }
    }
}

/// What one step of a revocation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// When the principal was revoked.
    pub at: Timestamp,
    /// How many sessions this step ended.
    pub ended: usize,
    /// Whether another step has to follow.
    pub more: bool,
}

impl Revoked {
    /// A step.
    #[must_use]
    pub const fn new(at: Timestamp, ended: usize, more: bool) -> Self {
        Self { at, ended, more }
    }
}
