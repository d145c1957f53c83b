use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::clock::whole_millis;
use crate::{
    Changes, Digest, Error, Events, Handle, NewRecord, Principals, Random, Record, Result, Timestamp,
};

/// How long a tombstone lives: an ended session is known as ended for this long.
pub const TOMBSTONE_LIFE: Duration = Duration::from_secs(120);
/// How long before a request's arrival a session may have been ended and still be [`Saved::Gone`] for it.
pub const ENDED_WINDOW: Duration = Duration::from_secs(2);
/// How long before a request's arrival its id may have been superseded by a rotation and still be `Gone` for it.
pub const ROTATED_WINDOW: Duration = Duration::from_secs(10);
/// How long the previous id stays good after a renewal's new id was first shown.
pub const PREVIOUS_GRACE: Duration = Duration::from_secs(30);
/// How long a candidate id waits to be shown before another may take its place.
pub const RENEWAL_WAIT: Duration = Duration::from_secs(60);

/// What a store is handed of an id: where the record lies, and what the presented secret digests to.
///
/// It never holds the secret. Its fields are private so that layouts shared with other systems can carry an id as
/// it was presented.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredId {
    handle: Handle,
    digest: Digest,
}

impl StoredId {
    /// The id of the record under `handle`, presented with a secret of this digest.
    #[must_use]
    pub const fn new(handle: Handle, digest: Digest) -> Self {
        Self { handle, digest }
    }

    /// Where the record lies for life.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What the presented secret digests to.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// What a store needs to know of the request that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    age: Duration,
    touch: Duration,
}

impl Access {
    /// A request that arrived `age` ago, on a node that notes a session's use every `touch` at most.
    ///
    /// An age, not a time of arrival: the nodes' clocks do not matter.
    #[must_use]
    pub const fn new(age: Duration, touch: Duration) -> Self {
        Self { age, touch }
    }

    /// The same request when so much more time has gone by.
    #[must_use]
    pub const fn later(self, by: Duration) -> Self {
        Self { age: self.age.saturating_add(by), ..self }
    }

    /// How long ago the request arrived.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// The node's setting for the throttle; a session's own is [`throttle(touch, idle)`](crate::throttle).
    #[must_use]
    pub const fn touch(&self) -> Duration {
        self.touch
    }

    /// Whether something that happened at `moment` is `Gone` rather than absent for this request, when such
    /// things are remembered for `window` before a request's arrival: `moment + window >= now - age`.
    #[must_use]
    pub fn is_over_its_head(&self, moment: Timestamp, window: Duration, now: Timestamp) -> bool {
        moment.saturating_add(window).saturating_add(Duration::from_millis(self.age_millis())) >= now
    }

    /// Whether a tombstone that this request would have to see may have been removed already.
    #[must_use]
    pub fn is_older_than_tombstones(&self) -> bool {
        self.age >= TOMBSTONE_LIFE
    }

    /// The age in milliseconds, for a store's command: rounded up, so that nothing that came over the request's
    /// head is taken for something before it.
    #[must_use]
    pub fn age_millis(&self) -> u64 {
        whole_millis(self.age.saturating_add(Duration::from_nanos(999_999)))
    }

    /// The touch setting in whole milliseconds, for a store's command.
    #[must_use]
    pub fn touch_millis(&self) -> u64 {
        whole_millis(self.touch)
    }
}

/// Names one attempt to end a session, so that the attempt sent again finds its own tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpId([u8; 16]);

impl OpId {
    /// A new operation.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) when there are no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The operation's bytes, to be stored in the tombstone.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Which attributes a load returns. The metadata always comes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: a store answers each case")]
pub enum Select<'a> {
    /// All of them.
    All,
    /// Those named, as far as they exist.
    Only(&'a [&'a str]),
    /// None.
    Metadata,
}

/// What a load found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Load {
    /// The session, and what the store's clock showed.
    Live {
        /// The record, with the attributes that were asked for.
        record: Arc<Record>,
        /// The store's clock at the load: what is due is decided against it.
        now: Timestamp,
    },
    /// It was ended or rotated over this request's head.
    Gone,
    /// There is no such session.
    Absent,
}

/// What became of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Created {
    /// The record is there, whole and with its end.
    Created,
    /// It has been ended already.
    Gone,
}

/// What became of changes, a rotation or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Saved {
    /// All of it was applied.
    Applied,
    /// Nothing was applied: the session was ended or rotated over this request's head.
    Gone,
    /// Nothing was applied: there is no such session.
    Absent,
}

/// What became of a compare-and-replace.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Swapped {
    /// The new value is there.
    Applied,
    /// Nothing was applied: this is stored instead.
    Conflict(Option<Bytes>),
    /// Nothing was applied: the session was ended or rotated over this request's head.
    Gone,
    /// Nothing was applied: there is no such session.
    Absent,
}

/// What a take found.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Taken {
    /// The value, which is no longer in the store: nobody else has it.
    Value(Bytes),
    /// The session has no such attribute.
    Nothing,
    /// The session was ended or rotated over this request's head.
    Gone,
    /// There is no such session.
    Absent,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Renewed {
    /// The new id is a candidate: good, and waiting to be shown.
    Issued,
    /// Another candidate waits, or the presented id is not the current one.
    NotDue,
    /// The session was ended or rotated over this request's head.
    Gone,
    /// There is no such session.
    Absent,
}

/// Keeps sessions. **This trait is the contract that every store fulfils**; `session-testkit` turns each of its
/// sentences into a case, and `store_conformance!` runs them all against a store.
///
/// # Contract
///
/// **Words.** *Now* is the store's clock. A presented id *matches* when its digest is the record's current one,
/// or its candidate, or its previous one within [`PREVIOUS_GRACE`], and the record is neither expired nor ended.
/// An operation whose id does not match changes nothing and says
///
/// - `Gone` when the record has a tombstone with `ended_at + 2 s >= now - age` ([`ENDED_WINDOW`]), or the record
///   is live under another digest with `superseded_at + 10 s >= now - age` ([`ROTATED_WINDOW`]), or nothing is
///   there and the request is older than a tombstone lives ([`TOMBSTONE_LIFE`]);
/// - `Absent` otherwise: an old, stale or forged cookie.
///
/// (That a request had *loaded* a session which is then absent makes it gone, too: the manager knows that.)
///
/// **Atomic.** Each operation touches one key or row and is one atomic unit: whole or not at all, also when the
/// caller is dropped or killed at any point. No record is ever without its end.
///
/// **Bounded.** Each operation returns within the store's budget (2 s by default), with
/// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) or `Unavailable` if need be. Such an error, or dropping the
/// future, leaves open whether the operation was applied. A store error never looks like `Absent` or `Gone`.
///
/// **Sent once.** [`save`](Self::save), [`take`](Self::take) and [`replace_if`](Self::replace_if) are never sent
/// a second time after an unknown outcome; each of the others may be, and finds its own work done.
///
/// **Ends.** Only `delete`, `end` and an eviction leave a tombstone: where the record was, with the time and the
/// operation's id. Nothing revives an ended or expired record; nothing is left in the store after the last end.
///
/// **Wrappers** implement every method: there is no default body to forget.
#[async_trait]
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Begins a session: the whole record, with its end, where no record and no tombstone is.
    ///
    /// Over a tombstone: `Gone`. Over a record with the same digest: `Created`, and nothing changes. Over a record
    /// with another one (two equal locators, 2⁻¹²⁸): an error.
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created>;

    /// Reads the metadata and the selected attributes. One round trip, and no effect but one: a candidate digest
    /// that is shown becomes the current one, and the one before it the previous one, good for
    /// [`PREVIOUS_GRACE`] more.
    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load>;

    /// Notes that the session was used: `last_accessed = max(last_accessed, now)` and, iff
    /// `expires_at < min(now + idle, end)`, `expires_at = min(now + idle + throttle, end)`, with `idle` and `end`
    /// as the record has them. Nothing there or nothing due is success, too.
    async fn touch(&self, id: &StoredId, access: Access) -> Result<()>;

    /// Sets and removes the named attributes, and the metadata that the changes name; touches, if due, when the
    /// changes say so. Writes nothing else, and creates nothing.
    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved>;

    /// Replaces the digest, in place and together with the changes: the presented id is worth nothing from then
    /// on, nor are candidate and previous one. A record whose current digest is `new` already is `Applied`.
    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved>;

    /// Ends the session and leaves a tombstone with `op`. A tombstone of the same `op` is `Applied`.
    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved>;

    /// Ends the session of this handle, whatever its digest: for administrators and "log out everywhere". Leaves a
    /// tombstone also where nothing was, so that a `create` under way does not outlive it.
    async fn end(&self, handle: &Handle, op: OpId) -> Result<()>;

    /// Removes an attribute and returns its value: to one caller, once.
    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken>;

    /// Sets (`Some`) or removes (`None`) an attribute if the stored bytes are `old` (`None`: no such attribute).
    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped>;

    /// What this store can do beyond that.
    fn capabilities(&self) -> Capabilities<'_>;
}

/// What a store can do beyond the operations that all have.
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Capabilities<'a> {
    /// Routine renewal of ids.
    pub renewal: Option<&'a dyn Renewal>,
    /// Removing what has expired, for stores that do not do it by themselves.
    pub sweep: Option<&'a dyn Sweep>,
    /// The sessions of principals: finding them, limits on them, logging out everywhere.
    pub principals: Option<&'a dyn Principals>,
    /// Telling what happens to sessions: when the store was built to.
    pub events: Option<&'a dyn Events>,
}

impl<'a> Capabilities<'a> {
    /// None of them.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These, and routine renewal.
    #[must_use]
    pub fn with_renewal(self, renewal: &'a dyn Renewal) -> Self {
        Self { renewal: Some(renewal), ..self }
    }

    /// These, and sweeping.
    #[must_use]
    pub fn with_sweep(self, sweep: &'a dyn Sweep) -> Self {
        Self { sweep: Some(sweep), ..self }
    }

    /// These, and the sessions of principals.
    #[must_use]
    pub fn with_principals(self, principals: &'a dyn Principals) -> Self {
        Self { principals: Some(principals), ..self }
    }

    /// These, and events.
    #[must_use]
    pub fn with_events(self, events: &'a dyn Events) -> Self {
        Self { events: Some(events), ..self }
    }
}

impl fmt::Debug for Capabilities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capabilities")
            .field("renewal", &self.renewal.is_some())
            .field("sweep", &self.sweep.is_some())
            .field("principals", &self.principals.is_some())
            .field("events", &self.events.is_some())
            .finish()
    }
}

/// Routine renewal: by age, not at a login. A new id becomes a *candidate*; the current one stays good until the
/// candidate is shown, so that a lost answer harms nothing and parallel requests go on.
#[async_trait]
pub trait Renewal: Send + Sync {
    /// Makes `new` the candidate if the presented digest is the current one and no candidate waits that was made
    /// later than [`RENEWAL_WAIT`] before this request arrived. A candidate that is `new` already is `Issued`.
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed>;
}

/// Removing what has expired.
#[async_trait]
pub trait Sweep: Send + Sync {
    /// Removes at most `limit` expired records and outlived tombstones, each re-checked under its lock, and says
    /// how many. Fewer than `limit` means that nothing is left to do.
    async fn sweep(&self, limit: usize) -> Result<usize>;
}

impl fmt::Debug for Swapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applied => "Applied",
            Self::Conflict(Some(_)) => "Conflict(Some(…))",
            Self::Conflict(None) => "Conflict(None)",
            Self::Gone => "Gone",
            Self::Absent => "Absent",
        })
    }
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(…)",
            Self::Nothing => "Nothing",
            Self::Gone => "Gone",
            Self::Absent => "Absent",
        })
    }
}

impl Error {
    /// The error of a `create` that finds another session under its locator.
    #[must_use]
    pub fn locator_in_use() -> Self {
        Self::new(crate::ErrorKind::Conflict, "another session has the locator of a new one")
    }
}
