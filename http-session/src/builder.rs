use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Clock, Codec, Delivery, EventListener, EventSettings, Expiry, Limits, ManagerBuilder, Random, Result,
    SessionIdResolver, SessionLimit, SessionManager, SessionStore, SystemClock,
};

use crate::annotation::{Annotation, Opening, Own};
use crate::background::{self, LISTEN_EVERY, SWEEP_EVERY};
use crate::explain::{Explanation, HANDED_IN};
use crate::keys::{
    CONFIG, EVENTS, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_SESSION_BYTES, RENEW_EVERY, SAVE_ON_ERROR,
    STORE, SWEEP, TOUCH,
};
use crate::layers::{FILE, Layers};
use crate::mistakes::Mistakes;
use crate::resolve::Scope;
use crate::settings::{Counts, Reader, Settings, Transport};
use crate::stores::Place;
use crate::{Env, Source, stores};

/// Without the attribute, nothing is said before the source speaks.
static NOTHING: Annotation = Annotation { name: "the sessions", place: "", settings: &[] };

type Texts = Vec<(&'static str, String)>;
type ReadFields = Box<dyn FnOnce(&Layers<'_>, &mut Mistakes) -> Option<(Texts, Option<Opening>)> + Send>;
type Customize = Box<dyn FnOnce(ManagerBuilder) -> ManagerBuilder + Send>;

/// Sessions that are being configured.
///
/// What can be said as text is said by the attribute, over it by `session.toml`, and over that by the environment.
/// [`source`](Self::source) hands in something else for the last two. What cannot be said as text (a store of one's
/// own, a codec, a clock) is handed in here, and holds against any text.
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
    own: Own,
    /// `None`: the environment, over the usual file.
    source: Option<Box<dyn Source>>,
    file: Option<PathBuf>,
    /// What has been handed in that could have been said as text.
    handed_in: Vec<&'static str>,
    store: Option<Arc<dyn SessionStore>>,
    clock: Arc<dyn Clock>,
    events: Option<EventSettings>,
    listeners: Vec<(Delivery, Box<dyn EventListener>)>,
    /// `None`: as the settings say.
    sweep_every: Option<Option<Duration>>,
    has_resolver: bool,
    customize: Vec<Customize>,
}

impl Builder {
    /// Sessions as the environment says: what `#[session_config] struct Sessions;` and `Sessions::builder()` make.
    pub fn new() -> Self {
        Self::annotated(&NOTHING, Own::default(), |_, _| Some((Texts::new(), None)))
    }

    pub(crate) fn annotated(
        annotation: &'static Annotation,
        own: Own,
        read_fields: impl FnOnce(&Layers<'_>, &mut Mistakes) -> Option<(Texts, Option<Opening>)> + Send + 'static,
    ) -> Self {
        Self {
            annotation,
            read_fields: Box::new(read_fields),
            own,
            source: None,
            file: None,
            handed_in: Vec::new(),
            store: None,
            clock: Arc::new(SystemClock::new()),
            events: None,
            listeners: Vec::new(),
            sweep_every: None,
            has_resolver: false,
            customize: Vec::new(),
        }
    }

    /// Where settings and fields come from, instead of the environment. No file is read then, unless this source or
    /// the attribute names one (`session.config`), or [`file`](Self::file) does.
    pub fn source(self, source: impl Source + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..self }
    }

    /// The file that is read, unless the source names another one: instead of `session.toml` in the working
    /// directory. There need not be such a file; one that cannot be read is an error.
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..self }
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

    /// Makes the store that the settings name tell what happens to its sessions: see [`EventSettings`]. Default: as
    /// `session.events` says; it tells nothing otherwise, unless [`on_event`](Self::on_event) listens.
    ///
    /// A store that is handed in has to be built with events itself. All nodes that share a store are to have the same.
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }.handed_in([EVENTS])
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
    /// Default: as `session.sweep` says, or every minute. `None`: never, something else does it.
    pub fn sweep_every(self, every: Option<Duration>) -> Self {
        Self { sweep_every: Some(every), ..self }.handed_in([SWEEP])
    }

    /// How ids travel. `session.cookie.…`, `session.header` and `session.bearer` then count for nothing.
    pub fn resolver(self, resolver: impl SessionIdResolver) -> Self {
        Self { has_resolver: true, ..self }.customized(|manager| manager.resolver(resolver))
    }

    /// How attributes are encoded. Default: JSON.
    pub fn codec(self, codec: impl Codec) -> Self {
        self.customized(|manager| manager.codec(codec))
    }

    /// How large sessions may become. Default: [`Limits::default`].
    pub fn limits(self, limits: Limits) -> Self {
        self.handed_in([MAX_ATTRIBUTE_BYTES, MAX_SESSION_BYTES, MAX_ATTRIBUTES])
            .customized(move |manager| manager.limits(limits))
    }

    /// How often the use of a session is noted at most: see [`ManagerBuilder::touch`]. Default: once a minute.
    pub fn touch(self, touch: Duration) -> Self {
        self.handed_in([TOUCH]).customized(move |manager| manager.touch(touch))
    }

    /// How often a session gets a new id: see [`ManagerBuilder::renew_every`]. Default: only when it is rotated.
    pub fn renew_every(self, age: Option<Duration>) -> Self {
        self.handed_in([RENEW_EVERY]).customized(move |manager| manager.renew_every(age))
    }

    /// How many sessions a principal may have at once: see [`ManagerBuilder::session_limit`]. Default: any number.
    pub fn session_limit(self, limit: SessionLimit) -> Self {
        self.customized(move |manager| manager.session_limit(limit))
    }

    /// The statuses at which a request's changes are written: see [`ManagerBuilder::commit_when`]. Default: all but
    /// 5xx and 408.
    pub fn commit_when(self, commits: fn(u16) -> bool) -> Self {
        self.handed_in([SAVE_ON_ERROR]).customized(move |manager| manager.commit_when(commits))
    }

    /// Where time comes from, for this node and the memory store: for tests. Other stores have their own clock.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Where the bytes of ids come from: for tests.
    pub fn random(self, random: impl Random) -> Self {
        self.customized(|manager| manager.random(random))
    }

    fn handed_in<const N: usize>(mut self, properties: [&'static str; N]) -> Self {
        self.handed_in.extend(properties);
        self
    }

    fn customized(
        mut self,
        customize: impl FnOnce(ManagerBuilder) -> ManagerBuilder + Send + 'static,
    ) -> Self {
        self.customize.push(Box::new(customize));
        self
    }

    /// What holds, each setting with where its value comes from, and where it is outside what NIST recommends: a
    /// table, to be printed. Connects to nothing. Passwords are not in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) that names every mistake, as [`build`](Self::build) does.
    pub fn explain(self) -> Result<Explanation> {
        let handed_in = self.handed_in.clone();
        let (has_store, has_resolver) =
            (self.store.is_some(), self.has_resolver || self.own.resolver.is_some());
        let annotation = self.annotation;
        let read = self.read()?;
        let own_store = match &read.opening {
            _ if has_store => Some(HANDED_IN.to_owned()),
            Some(_) if read.settings.store.is_none() => Some(annotation.describe(STORE)),
            _ => None,
        };
        Ok(Explanation::new(annotation.name, &read, &handed_in, own_store.as_deref(), has_resolver))
    }

    /// Reads the settings, connects to the store and makes the manager that the layers share.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) that names every mistake, each with where the value came
    /// from; nothing is connected to then. The same when somebody is to listen to a store that tells no events. Else
    /// what the store answers to being opened.
    pub async fn build(mut self) -> Result<Arc<SessionManager>> {
        let (store, clock) = (self.store.take(), self.clock.clone());
        let (customize, own) = (std::mem::take(&mut self.customize), std::mem::take(&mut self.own));
        let (events, listeners) = (self.events.take(), std::mem::take(&mut self.listeners));
        let sweep_every = self.sweep_every;
        let counts = Counts { store: store.is_none(), transport: !self.has_resolver };
        let Read { settings, opening, .. } = self.read_counting(counts)?;
        let is_heard = !listeners.is_empty() || settings.events == Some(true);
        let place = Place {
            namespace: settings.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE),
            budget: settings.budget,
            clock: clock.clone(),
            events: events.or_else(|| is_heard.then(EventSettings::default)),
        };
        let sweep = settings.sweep;
        let store = match (store, &settings.store, opening) {
            (Some(store), _, _) => store,
            (None, None, Some(opening)) => opening.await?,
            (None, given, _) => stores::open(given.as_ref(), place).await?,
        };
        let mut manager = SessionManager::builder(store).clock(clock);
        if let (None, Some(resolver)) = (&settings.transport, own.resolver) {
            manager = resolver(manager);
        }
        if let Some(codec) = own.codec {
            manager = codec(manager);
        }
        manager = settings.apply_to(manager)?;
        for customize in customize {
            manager = customize(manager);
        }
        let manager = manager.build()?;
        let sweep_every = sweep_every.unwrap_or_else(|| sweep.unwrap_or(Some(SWEEP_EVERY)));
        for (delivery, listener) in listeners {
            background::listen_boxed(&manager, delivery, LISTEN_EVERY, listener).await?.detach();
        }
        if let Some(every) = sweep_every {
            background::sweep_if_needed(&manager, every);
        }
        Ok(manager)
    }

    /// [`build`](Self::build), as a layer for an axum router or another tower service.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    #[cfg(feature = "tower")]
    pub async fn layer(self) -> Result<crate::tower::SessionLayer> {
        Ok(crate::tower::SessionLayer::new(self.build().await?))
    }
}

const DEFAULT_NAMESPACE: &str = "session";

/// What has been said.
pub(crate) struct Read {
    pub(crate) settings: Settings,
    pub(crate) opening: Option<Opening>,
    /// What has been read.
    pub(crate) sources: Vec<String>,
}

/// The file that is read below the source, unless that names another one: the one that was handed in, or that the
/// attribute names, or else the usual one.
pub(crate) fn file_of(annotation: &Annotation, handed_in: Option<PathBuf>, usual: bool) -> Option<PathBuf> {
    let named = || annotation.settings.iter().find(|(name, _)| *name == CONFIG).map(|(_, path)| path.into());
    handed_in.or_else(named).or_else(|| usual.then(|| PathBuf::from(FILE)))
}

impl Builder {
    fn read(self) -> Result<Read> {
        let counts = Counts { store: self.store.is_none(), transport: !self.has_resolver };
        self.read_counting(counts)
    }

    fn read_counting(self, counts: Counts) -> Result<Read> {
        let mut mistakes = Mistakes::default();
        let file = file_of(self.annotation, self.file, self.source.is_none());
        let mut sources =
            vec![if self.source.is_none() { "the environment" } else { "the source handed in" }.to_owned()];
        let source = self.source.unwrap_or_else(|| Box::new(Env));
        let layers = Layers::new(source, file.as_deref(), &mut mistakes);
        sources.extend(layers.notes.iter().cloned());
        // What a broken file does not say is not missing.
        mistakes = mistakes.told(self.annotation.name)?;
        let (fields, opening) = (self.read_fields)(&layers, &mut mistakes).unwrap_or_default();
        let scope = Scope { layers: &layers, fields: &fields };
        let reader = Reader { annotation: self.annotation, scope, mistakes: &mut mistakes, said: Vec::new() };
        let settings = reader.settings(counts);
        let settings = mistakes.unless_any(self.annotation.name, Some(settings))?;
        Ok(Read { settings, opening, sources })
    }
}

impl Settings {
    /// When sessions end.
    pub(crate) fn expiry(&self) -> Result<Expiry> {
        let expiry = match self.max_inactive {
            None => Expiry::default(),
            Some(None) => Expiry::never(),
            Some(Some(timeout)) => Expiry::idle(timeout)?,
        };
        self.max_lifetime.map_or(Ok(expiry), |timeout| expiry.and_absolute(timeout))
    }

    fn apply_to(self, mut manager: ManagerBuilder) -> Result<ManagerBuilder> {
        manager =
            manager.expiry(self.expiry()?).limits(self.limits).anonymous_idle(self.anonymous_max_inactive);
        manager = manager.namespace(self.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()));
        if let Some(touch) = self.touch {
            manager = manager.touch(touch);
        }
        if let Some(age) = self.renew_every {
            manager = manager.renew_every(age);
        }
        if let Some(flush) = self.flush {
            manager = manager.flush(flush);
        }
        if let Some(save) = self.save {
            manager = manager.save(save);
        }
        if self.save_on_error == Some(true) {
            manager = manager.commit_when(|_| true);
        }
        if let Some(budget) = self.budget {
            manager = manager.budget(budget);
        }
        Ok(match self.transport {
            None => manager,
            Some(Transport::Cookie(resolver)) => manager.resolver(resolver),
            Some(Transport::Header(resolver)) => manager.resolver(resolver),
        })
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
