use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Digest, Error, ErrorKind, Handle, Load, NewRecord, OpId,
    OsRandom, Renewal, Renewed, Result, Saved, Select, SessionStore, StoredId, Swapped, Sweep, Taken,
};
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::config::SqlStoreBuilder;
use crate::engine::Engine;
use crate::error::{Failure, timeout};
use crate::schema::Kind;
use crate::source::Source;
use crate::sweeper::Sweeper;

/// The longest name of an attribute, in bytes: every database's index holds it.
pub const MAX_NAME_BYTES: usize = 1024;

/// Keeps sessions in a database: one row a session, one row an attribute.
///
/// Every operation is one atomic unit: on PostgreSQL one statement (a second one only to say *why* nothing matched),
/// elsewhere one short transaction; reading is one statement everywhere. It answers within the budget. Dropping its
/// future leaves open whether it is carried out.
pub struct SqlStore {
    engine: Arc<dyn Engine>,
    kind: Kind,
    budget: Duration,
    random: OsRandom,
    _sweeper: Option<Sweeper>,
}

/// Whether an operation may be sent again when nobody knows whether it was carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resend {
    Yes,
    No,
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

    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        kind: Kind,
        budget: Duration,
        sweep_every: Option<Duration>,
    ) -> Self {
        let sweeper = sweep_every.map(|interval| Sweeper::start(Arc::downgrade(&engine), interval, budget));
        Self { engine, kind, budget, random: OsRandom::default(), _sweeper: sweeper }
    }

    /// Tries an operation until it is done, refused or out of time.
    async fn run<T, F>(&self, resend: Resend, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.budget;
        let tries = async {
            let mut backoff = Backoff::new();
            let mut was_sent_again = false;
            loop {
                match attempt().await {
                    Ok(answer) => return Ok(answer),
                    Err(Failure::Contended(_)) => backoff.wait().await,
                    Err(Failure::Unsent(_)) if !was_sent_again => {
                        was_sent_again = true;
                        Backoff::wait_for_a_server().await;
                    }
                    Err(Failure::Broken(_)) if resend == Resend::Yes && !was_sent_again => {
                        was_sent_again = true;
                    }
                    Err(failure) => return Err(failure.into_error()),
                }
            }
        };
        tokio::time::timeout_at(deadline, tries).await.unwrap_or_else(|_| Err(timeout()))
    }
}

#[async_trait]
impl SessionStore for SqlStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        new.attributes.keys().try_for_each(|name| check_name(name))?;
        self.run(Resend::Yes, || self.engine.create(id, new, access)).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        self.run(Resend::Yes, || self.engine.load(id, select, access)).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        self.run(Resend::Yes, || self.engine.touch(id, access)).await
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
        self.run(Resend::No, attempt).await
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        changes.attributes.keys().try_for_each(|name| check_name(name))?;
        let op = OpId::generate(&self.random)?;
        self.run(Resend::Yes, || self.engine.rotate(id, new, changes, op, access)).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        self.run(Resend::Yes, || self.engine.delete(id, op, access)).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        self.run(Resend::Yes, || self.engine.end(handle, op)).await
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        self.run(Resend::No, || self.engine.take(id, name, access)).await
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
        self.run(Resend::No, || self.engine.replace_if(id, name, old, new, op, access)).await
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities::none().with_renewal(self).with_sweep(self)
    }
}

#[async_trait]
impl Renewal for SqlStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        self.run(Resend::Yes, || self.engine.renew(id, new, access)).await
    }
}

#[async_trait]
impl Sweep for SqlStore {
    /// One statement, or one short transaction: choose `limit` so that it takes some milliseconds, about 1000. Rows
    /// that another node is at are left to it.
    async fn sweep(&self, limit: usize) -> Result<usize> {
        self.run(Resend::Yes, || self.engine.sweep(limit)).await
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
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
