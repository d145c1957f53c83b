use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::expiry::positive;
use crate::session::{Presented, Shared};
use crate::{
    Access, Clock, Codec, CookieResolver, DEFAULT_TOUCH, Error, ErrorKind, Expiry, Header, HeaderMode,
    JsonCodec, LazySession, Limits, OsRandom, Random, Result, SessionIdResolver, SessionLimit, SessionStore,
    SystemClock,
};

/// All policy about sessions, and the only place where it is decided. An adapter calls [`open`](Self::open) when a
/// request comes and [`commit`](Self::commit) when its response head is about to leave, and decides nothing.
pub struct SessionManager {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) namespace: String,
    pub(crate) expiry: Expiry,
    pub(crate) touch: Duration,
    pub(crate) renew_every: Option<Duration>,
    pub(crate) resolver: Box<dyn SessionIdResolver>,
    pub(crate) codec: Arc<dyn Codec>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) random: Box<dyn Random>,
    pub(crate) limits: Limits,
    pub(crate) budget: Duration,
    pub(crate) session_limit: Option<SessionLimit>,
    pub(crate) save: SaveMode,
    anonymous_idle: Option<Duration>,
    flush: FlushMode,
    commits: fn(u16) -> bool,
}

/// What an adapter has to do to a response.
#[derive(Debug)]
#[non_exhaustive]
pub struct Commit {
    /// The response must be replaced by one with this error's status and public message, which keeps no header
    /// of the handler's. `None`: the response goes as it is.
    pub error: Option<Error>,
    /// The headers to write, on the replacement, too.
    pub headers: Vec<Header>,
}

impl SessionManager {
    /// A manager of sessions in this store.
    #[must_use]
    pub fn builder(store: Arc<dyn SessionStore>) -> ManagerBuilder {
        ManagerBuilder::new(store)
    }

    /// The session of a request with these headers. Asks nothing of the store.
    pub fn open<'h>(self: &Arc<Self>, headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> LazySession {
        let mut presented = Presented::default();
        for (name, value) in headers {
            self.resolver.read(name, value, &mut |text| presented.add(text));
        }
        LazySession::new(Shared::open(self.clone(), presented))
    }

    /// What is to be done to a response of this status, if the store need not be asked for it: nothing boxed,
    /// nothing awaited. `None`: call [`commit`](Self::commit).
    #[must_use]
    pub fn commit_now(&self, session: &LazySession, status: u16) -> Option<Commit> {
        session.shared().commit_now(status)
    }

    /// Writes what the request has changed, and says what is to be done to its response, whose status is
    /// `status`. To be called once, when the response head is about to leave.
    ///
    /// Changes are not written when the status says that the request failed (by default 5xx and 408). Dropping
    /// the future leaves open whether they were.
    pub async fn commit(&self, session: &LazySession, status: u16) -> Commit {
        session.shared().commit(status).await
    }

    /// Whether the request has changed something that is to be written although its handler is still at work: asked
    /// by an adapter whenever the handler waits. Then it drives [`flush`](Self::flush) beside the handler, and to its
    /// end before it calls [`commit`](Self::commit).
    #[must_use]
    pub fn is_flush_due(&self, session: &LazySession) -> bool {
        self.flush == FlushMode::Immediate && session.shared().is_flush_due()
    }

    /// Writes what the request has changed so far. What is wrong with that is told by the commit.
    pub async fn flush(&self, session: &LazySession) {
        session.shared().flush().await;
    }

    /// The headers that must reach the client although the handler panicked: the cookie of a rotation, a sign-in
    /// or an end that the store has carried out. Empty: let the panic go on.
    #[must_use]
    pub fn after_panic(&self, session: &LazySession) -> Vec<Header> {
        session.shared().after_panic()
    }

    /// Whether clients would confuse the ids of the two managers: both travel in one cookie or header.
    #[must_use]
    pub fn shares_transport_with(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.resolver.withdraw(), other.resolver.withdraw());
        ours.name == theirs.name && ours.replaces(theirs.value.as_bytes())
    }

    /// The error of a request that passes the layers of two such managers.
    #[must_use]
    pub fn transport_conflict(&self) -> Error {
        Error::new(
            ErrorKind::Config,
            "two session layers with different settings use the same cookie or header: give one another name",
        )
    }

    /// The store that the sessions are in: for its capabilities, sweeping for instance.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn SessionStore> {
        &self.store
    }

    /// When sessions of this manager end by themselves, where they have not been given other timeouts.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// When a session ends that nobody has signed in to.
    pub(crate) fn anonymous_expiry(&self) -> Expiry {
        match self.anonymous_idle {
            Some(idle) => crate::expiry::parts(Some(idle), self.expiry.absolute_timeout()),
            None => self.expiry,
        }
    }

    pub(crate) fn commits(&self, status: u16) -> bool {
        self.flush == FlushMode::Immediate || (self.commits)(status)
    }

    pub(crate) fn access(&self, arrived: Duration) -> Access {
        Access::new(self.clock.monotonic().saturating_sub(arrived), self.touch)
    }

    /// `Set-Cookie` must not be cached, with the directive that caches cannot read otherwise (OWASP: not
    /// `no-cache="Set-Cookie"`).
    pub(crate) fn no_store() -> Header {
        Header::new("cache-control", "no-store", HeaderMode::Replace)
    }

    pub(crate) fn vary(&self) -> Header {
        Header::new("vary", self.resolver.vary(), HeaderMode::Append)
    }
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("store", &self.store)
            .field("namespace", &self.namespace)
            .field("expiry", &self.expiry)
            .field("touch", &self.touch)
            .field("renew_every", &self.renew_every)
            .field("resolver", &self.resolver)
            .field("codec", &self.codec)
            .field("limits", &self.limits)
            .field("budget", &self.budget)
            .field("save", &self.save)
            .field("flush", &self.flush)
            .field("anonymous_idle", &self.anonymous_idle)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`SessionManager`].
#[derive(Debug)]
pub struct ManagerBuilder {
    store: Arc<dyn SessionStore>,
    namespace: String,
    expiry: Expiry,
    touch: Duration,
    renew_every: Option<Duration>,
    resolver: Box<dyn SessionIdResolver>,
    codec: Arc<dyn Codec>,
    clock: Box<dyn Clock>,
    random: Box<dyn Random>,
    limits: Limits,
    budget: Duration,
    session_limit: Option<SessionLimit>,
    save: SaveMode,
    anonymous_idle: Option<Duration>,
    flush: FlushMode,
    commits: fn(u16) -> bool,
}

/// When a request's changes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushMode {
    /// Once, when the response head leaves: the default.
    #[default]
    OnCommit,
    /// As soon as possible: whenever the handler waits for something, and with the response head, whatever its
    /// status. One round trip more for each time; what has been written stays when the request fails afterwards.
    Immediate,
}

/// What is written of a session when the response head leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaveMode {
    /// The attributes that the request has set or removed: the default.
    #[default]
    Changed,
    /// Those, and the ones that it has read (`get`, `fetch`): what other requests did to them meanwhile is undone.
    Read,
    /// All, as far as the request has loaded them: what other requests did to any meanwhile is undone.
    Always,
}

impl ManagerBuilder {
    fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store,
            namespace: "session".into(),
            expiry: Expiry::default(),
            touch: DEFAULT_TOUCH,
            renew_every: None,
            resolver: Box::new(CookieResolver::default()),
            codec: Arc::new(JsonCodec),
            clock: Box::new(SystemClock::new()),
            random: Box::new(OsRandom),
            limits: Limits::default(),
            budget: Duration::from_secs(2),
            session_limit: None,
            save: SaveMode::Changed,
            anonymous_idle: None,
            flush: FlushMode::OnCommit,
            commits: |status| status < 500 && status != 408,
        }
    }

    /// What keeps these sessions apart from those of other applications: an id of one namespace is worth nothing
    /// in another. Default: `session`.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// When sessions end by themselves. Default: half an hour after their last use.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Self { expiry, ..self }
    }

    /// How often the use of a session is noted at most: the writes that reading costs. A session lives up to this
    /// much longer than its idle timeout, never shorter; it is never more than a tenth of that timeout. Default:
    /// one minute. Zero: every request writes, and the timeout is exact.
    #[must_use]
    pub fn touch(self, touch: Duration) -> Self {
        Self { touch, ..self }
    }

    /// Gives a session a new id when its present one is this old, without breaking parallel requests or losing
    /// anything with a lost answer. Default: `None`, ids change only at [`rotate`](crate::LazySession::rotate)
    /// and [`sign_in`](crate::LazySession::sign_in).
    #[must_use]
    pub fn renew_every(self, age: Option<Duration>) -> Self {
        Self { renew_every: age, ..self }
    }

    /// How ids travel. Default: [`CookieResolver::default`].
    #[must_use]
    pub fn resolver(self, resolver: impl SessionIdResolver) -> Self {
        Self { resolver: Box::new(resolver), ..self }
    }

    /// How attributes are encoded. Default: JSON.
    #[must_use]
    pub fn codec(self, codec: impl Codec) -> Self {
        Self { codec: Arc::new(codec), ..self }
    }

    /// Where time comes from: for tests. Stores have their own clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Box::new(clock), ..self }
    }

    /// Where the bytes of ids come from: for tests.
    #[must_use]
    pub fn random(self, random: impl Random) -> Self {
        Self { random: Box::new(random), ..self }
    }

    /// How large sessions may become.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How long [`modify`](crate::LazySession::modify) tries against other writers. Default: two seconds. (How
    /// long one operation may take is the store's setting.)
    #[must_use]
    pub fn budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// How many sessions a principal may have at once. Default: `None`, any number.
    #[must_use]
    pub fn session_limit(self, limit: impl Into<Option<SessionLimit>>) -> Self {
        Self { session_limit: limit.into(), ..self }
    }

    /// The statuses at which a request's changes are written. Default: all but 5xx and 408. Operations that are
    /// durable when they return are not concerned.
    #[must_use]
    pub fn commit_when(self, commits: fn(u16) -> bool) -> Self {
        Self { commits, ..self }
    }

    /// When a request's changes are written. Default: once, when the response head leaves.
    #[must_use]
    pub fn flush(self, flush: FlushMode) -> Self {
        Self { flush, ..self }
    }

    /// What is written of a session beside the changes. Default: nothing.
    #[must_use]
    pub fn save(self, save: SaveMode) -> Self {
        Self { save, ..self }
    }

    /// The idle timeout of sessions that nobody has signed in to, in place of the usual one: so that visitors who do
    /// not come back take no room for long. From a sign-in on it is the usual one. Default: the usual one.
    #[must_use]
    pub fn anonymous_idle(self, idle: Option<Duration>) -> Self {
        Self { anonymous_idle: idle, ..self }
    }

    /// The manager.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the namespace is empty, `renew_every` is zero, `anonymous_idle` is less than a
    /// millisecond, or the store cannot do what was set: renew ids, limit the sessions of a principal.
    pub fn build(self) -> Result<Arc<SessionManager>> {
        if self.namespace.is_empty() || self.namespace.contains('\0') {
            return Err(Error::new(ErrorKind::Config, "the session namespace must not be empty or hold NUL"));
        }
        if self.renew_every == Some(Duration::ZERO) {
            return Err(Error::new(
                ErrorKind::Config,
                "an interval of zero would renew the session id for ever",
            ));
        }
        if self.renew_every.is_some() && self.store.capabilities().renewal.is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "this session store cannot renew ids: leave renew_every out",
            ));
        }
        if self.session_limit.is_some() && self.store.capabilities().principals.is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "this session store knows no principals: leave the limit of their sessions out",
            ));
        }
        let anonymous_idle =
            self.anonymous_idle.map(|idle| positive(idle, "the idle timeout")).transpose()?;
        let Self { store, namespace, expiry, touch, renew_every, resolver, codec, clock, random, .. } = self;
        Ok(Arc::new(SessionManager {
            store,
            namespace,
            expiry,
            touch,
            renew_every,
            resolver,
            codec,
            clock,
            random,
            limits: self.limits,
            budget: self.budget,
            session_limit: self.session_limit,
            save: self.save,
            anonymous_idle,
            flush: self.flush,
            commits: self.commits,
        }))
    }
}
