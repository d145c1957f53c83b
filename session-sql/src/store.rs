use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Delivery, Digest, Error, ErrorKind, Events, Found, Handle, Load,
    NewRecord, OpId, OsRandom, Page, Principal, Principals, Renewal, Renewed, Result, Revocation, Revoked,
    Saved, Select, SessionStore, SignIn, SignedIn, StoredId, Subscription, Swapped, Sweep, Taken,
};

use crate::attempts::{Budget, Resend};
use crate::config::SqlStoreBuilder;
use crate::engine::Engine;
use crate::error::Failure;
use crate::events::Listening;
use crate::schema::Kind;
use crate::source::Source;

/// The longest name of an attribute, in bytes: every database's index holds it.
pub const MAX_NAME_BYTES: usize = 1024;

/// Keeps sessions in a database: one row a session, one row an attribute.
///
/// Every operation is one atomic unit: on PostgreSQL one statement (a second one only to say *why* nothing matched),
/// elsewhere one short transaction; reading is one statement everywhere. On PostgreSQL, while all connections of the
/// store's own are in use, the loads that wait for one share a statement, and so do the creates. An operation answers
/// within the budget. Dropping its future leaves open whether it is carried out.
pub struct SqlStore {
    engine: Arc<dyn Engine>,
    kind: Kind,
    budget: Budget,
    random: OsRandom,
}

impl SqlStore {
    /// The store in the database at a URL, with the default settings of [`builder`](Self::builder).
    ///
    /// `postgres://`, `postgresql://`, `mysql://`, `mariadb://`, `sqlite://path`, `sqlite::memory:`.
    ///
    /// # Errors
    ///
    /// Those of [`SqlStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self> {
        Self::builder(url.into()).connect().await
    }

    /// Settings for a store in the database at a URL, or behind a pool that the application has opened.
    ///
    /// The store sets isolation and timeouts on connections of its own only. A pool of the application's should
    /// have them set to the same end: READ COMMITTED on PostgreSQL, or operations are repeated more often; WAL and a
    /// busy timeout on SQLite; and `test_before_acquire(false)`, because the store finds out by itself.
    pub fn builder(source: impl Into<Source>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(source.into())
    }

    /// Closes the store's connections. Operations fail from then on.
    pub async fn close(&self) {
        self.engine.close().await;
    }

    pub(crate) fn new(engine: Arc<dyn Engine>, kind: Kind, budget: Duration) -> Self {
        Self { engine, kind, budget: Budget(budget), random: OsRandom::default() }
    }
}

#[async_trait]
impl SessionStore for SqlStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        new.attributes.keys().try_for_each(|name| check_name(name))?;
        self.budget.run(Resend::Yes, || self.engine.create(id, new, access)).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        self.budget.run(Resend::Yes, || self.engine.load(id, select, access)).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        self.budget.run(Resend::Yes, || self.engine.touch(id, access)).await
    }

    /// Is not sent again when the connection breaks; but when the session shows that it was carried out, it was.
    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        changes.attributes.keys().try_for_each(|name| check_name(name))?;
        let op = OpId::generate(&self.random)?;
        let attempt = async || match self.engine.save(id, changes, op, access).await {
            Err(Failure::Broken(error)) => match self.engine.was_saved(id, op).await {
                Ok(true) => Ok(Saved::Applied),
                Ok(false) | Err(_) => Err(Failure::Broken(error)),
            },
            outcome => outcome,
        };
        self.budget.run(Resend::No, attempt).await
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        changes.attributes.keys().try_for_each(|name| check_name(name))?;
        let op = OpId::generate(&self.random)?;
        self.budget.run(Resend::Yes, || self.engine.rotate(id, new, changes, op, access)).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        self.budget.run(Resend::Yes, || self.engine.delete(id, op, access)).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        self.budget.run(Resend::Yes, || self.engine.end(handle, op)).await
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        let op = OpId::generate(&self.random)?;
        self.budget.run(Resend::No, || self.engine.take(id, name, op, access)).await
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        check_name(name)?;
        let op = OpId::generate(&self.random)?;
        self.budget.run(Resend::No, || self.engine.replace_if(id, name, old, new, op, access)).await
    }

    fn capabilities(&self) -> Capabilities<'_> {
        let offered = Capabilities::none().with_renewal(self).with_sweep(self).with_principals(self);
        if self.engine.events().is_some() { offered.with_events(self) } else { offered }
    }
}

#[async_trait]
impl Renewal for SqlStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        self.budget.run(Resend::Yes, || self.engine.renew(id, new, access)).await
    }
}

#[async_trait]
impl Sweep for SqlStore {
    /// One short transaction: choose `limit` so that it takes some milliseconds, about 1000. Rows that another node is at are
    /// left to it, those of another namespace to that one's nodes. Where no session is left to be removed, some more
    /// transactions remove what else is not needed any longer.
    async fn sweep(&self, limit: usize) -> Result<usize> {
        self.budget.run(Resend::Yes, || self.engine.sweep(limit)).await
    }
}

#[async_trait]
impl Principals for SqlStore {
    /// One transaction of some six statements, more with a limit.
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn> {
        sign_in.changes.attributes.keys().try_for_each(|name| check_name(name))?;
        let asked = Instant::now();
        self.budget.run(Resend::Yes, || self.engine.sign_in(id, sign_in, access, asked)).await
    }

    /// One statement.
    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found> {
        self.budget.run(Resend::Yes, || self.engine.find(principal, select, page)).await
    }

    async fn count(&self, principal: &Principal) -> Result<usize> {
        self.budget.run(Resend::Yes, || self.engine.count(principal)).await
    }

    /// One transaction for 500 sessions.
    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked> {
        self.budget.run(Resend::Yes, || self.engine.revoke(principal, revocation)).await
    }
}

#[async_trait]
impl Events for SqlStore {
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        Listening::begin(Arc::clone(&self.engine), self.budget, delivery).await
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    let message = format!("an attribute's name has more than {MAX_NAME_BYTES} bytes, which no index holds");
    Err(Error::new(ErrorKind::TooLarge, message))
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("database", &self.kind)
            .field("budget", &self.budget.0)
            .finish_non_exhaustive()
    }
}
