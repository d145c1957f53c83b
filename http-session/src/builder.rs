use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Clock, Codec, Delivery, EventListener, EventSettings, Limits, ManagerBuilder, Random, Result,
    SessionIdResolver, SessionManager, SessionStore, SystemClock,
};

use crate::annotation::Annotation;
use crate::background::{self, LISTEN_EVERY, SWEEP_EVERY};
use crate::mistakes::Mistakes;
use crate::resolve::Scope;
use crate::settings::{Counts, Reader, Settings, Transport};
use crate::{Env, Source, stores};

/// Without the attribute, nothing is said before the source speaks.
static NOTHING: Annotation = Annotation { name: "the sessions", place: "", settings: &[] };

type Texts = Vec<(&'static str, String)>;
type ReadFields = Box<dyn FnOnce(&dyn Source, &mut Mistakes) -> Option<Texts> + Send>;
type Customize = Box<dyn FnOnce(ManagerBuilder) -> ManagerBuilder + Send>;

/// Sessions that are being configured.
///
/// What can be said as text is said by the attribute and, over it, by the source: the environment, unless
/// [`source`](Self::source) hands in another one. What cannot (a store of one's own, a codec, a clock) is handed
/// in here, and holds against any text.
///
/// Nothing is read, connected or checked before [`build`](Self::build), which then tells all mistakes at once.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # async fn example() -> http_session::Result<()> {
/// let sessions = http_session::Builder::new()
///     .source([("session.store", "memory:"), ("session.max-inactive", "2h")])
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens before it is built"]
pub struct Builder {
    annotation: &'static Annotation,
    read_fields: ReadFields,
    source: Box<dyn Source>,
    store: Option<Arc<dyn SessionStore>>,
    clock: Arc<dyn Clock>,
    events: Option<EventSettings>,
    listeners: Vec<(Delivery, Box<dyn EventListener>)>,
    sweep_every: Option<Duration>,
    has_resolver: bool,
    customize: Vec<Customize>,
}

impl Builder {
    /// Sessions as the environment says: what `#[session_config] struct Sessions;` and `Sessions::builder()` make.
    pub fn new() -> Self {
        Self::annotated(&NOTHING, |_, _| Some(Texts::new()))
    }

    pub(crate) fn annotated(
        annotation: &'static Annotation,
        read_fields: impl FnOnce(&dyn Source, &mut Mistakes) -> Option<Texts> + Send + 'static,
    ) -> Self {
        Self {
            annotation,
            read_fields: Box::new(read_fields),
            source: Box::new(Env),
            store: None,
            clock: Arc::new(SystemClock::new()),
            events: None,
            listeners: Vec::new(),
            sweep_every: Some(SWEEP_EVERY),
            has_resolver: false,
            customize: Vec::new(),
        }
    }

    /// Where settings and fields come from, instead of the environment.
    pub fn source(self, source: impl Source + 'static) -> Self {
        Self { source: Box::new(source), ..self }
    }

    /// Where sessions are kept: a store with a pool or a connection of one's own, or one that this crate does not
    /// know. `session.store` then counts for nothing.
    pub fn store(self, store: impl SessionStore) -> Self {
        self.shared_store(Arc::new(store))
    }

    /// The same, for a store that something else holds as well: another manager, or a test.
    pub fn shared_store(self, store: Arc<dyn SessionStore>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Makes the store that the settings name tell what happens to its sessions: see [`EventSettings`]. Default: it
    /// tells nothing, unless [`on_event`](Self::on_event) listens.
    ///
    /// A store that is handed in has to be built with events itself. All nodes that share a store are to have the same.
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }
    }

    /// Calls the listener when something happens to a session, on this node or another one, for as long as the
    /// sessions that are built are used. May be called several times. See [`listen`](crate::listen).
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # async fn example() -> http_session::Result<()> {
    /// use http_session::{Builder, Delivery, EventKind, SessionEvent};
    ///
    /// let sessions = Builder::new()
    ///     .on_event(Delivery::EveryNode, |event: SessionEvent| async move {
    ///         if event.kind == EventKind::Expired {
    ///             println!("{} has ended by itself", event.handle);
    ///         }
    ///     })
    ///     .build()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_event(mut self, delivery: Delivery, listener: impl EventListener) -> Self {
        self.listeners.push((delivery, Box::new(listener)));
        self
    }

    /// How often expired sessions are removed from a store that has to be told to: see [`sweep`](crate::sweep).
    /// Default: every minute. `None`: never, something else does it.
    pub fn sweep_every(self, every: Option<Duration>) -> Self {
        Self { sweep_every: every, ..self }
    }

    /// How ids travel. `session.cookie.…` and `session.header` then count for nothing.
    pub fn resolver(self, resolver: impl SessionIdResolver) -> Self {
        Self { has_resolver: true, ..self }.customized(|manager| manager.resolver(resolver))
    }

    /// How attributes are encoded. Default: JSON.
    pub fn codec(self, codec: impl Codec) -> Self {
        self.customized(|manager| manager.codec(codec))
    }

    /// How large sessions may become. Default: [`Limits::default`].
    pub fn limits(self, limits: Limits) -> Self {
        self.customized(move |manager| manager.limits(limits))
    }

    /// How often the use of a session is noted at most: see [`ManagerBuilder::touch`]. Default: once a minute.
    pub fn touch(self, touch: Duration) -> Self {
        self.customized(move |manager| manager.touch(touch))
    }

    /// How often a session gets a new id: see [`ManagerBuilder::renew_every`]. Default: only when it is rotated.
    pub fn renew_every(self, age: Option<Duration>) -> Self {
        self.customized(move |manager| manager.renew_every(age))
    }

    /// The statuses at which a request's changes are written: see [`ManagerBuilder::commit_when`]. Default: all but
    /// 5xx and 408.
    pub fn commit_when(self, commits: fn(u16) -> bool) -> Self {
        self.customized(move |manager| manager.commit_when(commits))
    }

    /// Where time comes from, for this node and the memory store: for tests. Other stores have their own clock.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Where the bytes of ids come from: for tests.
    pub fn random(self, random: impl Random) -> Self {
        self.customized(|manager| manager.random(random))
    }

    fn customized(
        mut self,
        customize: impl FnOnce(ManagerBuilder) -> ManagerBuilder + Send + 'static,
    ) -> Self {
        self.customize.push(Box::new(customize));
        self
    }

    /// Reads the settings, connects to the store and makes the manager that the layers share.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) that names every mistake, each with where the value came
    /// from; nothing is connected to then. The same when somebody is to listen to a store that tells no events. Else
    /// what the store answers to being opened.
    pub async fn build(self) -> Result<Arc<SessionManager>> {
        let mut mistakes = Mistakes::default();
        let fields = (self.read_fields)(&*self.source, &mut mistakes).unwrap_or_default();
        let scope = Scope { source: &*self.source, fields: &fields };
        let counts = Counts { store: self.store.is_none(), transport: !self.has_resolver };
        let settings =
            Reader { annotation: self.annotation, scope, mistakes: &mut mistakes }.settings(counts);
        let settings = mistakes.unless_any(self.annotation.name, Some(settings))?;

        let store = match self.store {
            Some(store) => store,
            None => {
                let namespace = settings.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
                let events = self.events.or_else(|| self.listeners.first().map(|_| EventSettings::default()));
                stores::open(settings.store.as_ref(), namespace, self.clock.clone(), events).await?
            }
        };
        let mut manager = SessionManager::builder(store).clock(self.clock);
        manager = settings.apply_to(manager);
        for customize in self.customize {
            manager = customize(manager);
        }
        let manager = manager.build()?;
        for (delivery, listener) in self.listeners {
            background::listen_boxed(&manager, delivery, LISTEN_EVERY, listener).await?.detach();
        }
        if let Some(every) = self.sweep_every {
            background::sweep_if_needed(&manager, every);
        }
        Ok(manager)
    }

    /// [`build`](Self::build), as a layer for an axum router.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    #[cfg(feature = "axum")]
    pub async fn layer(self) -> Result<crate::axum::SessionLayer> {
        Ok(crate::axum::SessionLayer::new(self.build().await?))
    }
}

const DEFAULT_NAMESPACE: &str = "session";

impl Settings {
    fn apply_to(self, mut manager: ManagerBuilder) -> ManagerBuilder {
        manager = manager.namespace(self.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()));
        if let Some(expiry) = self.expiry {
            manager = manager.expiry(expiry);
        }
        match self.transport {
            None => manager,
            Some(Transport::Cookie(resolver)) => manager.resolver(resolver),
            Some(Transport::Header(resolver)) => manager.resolver(resolver),
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    /// Only whether things are there: the source and the fields may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.annotation.name)
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
