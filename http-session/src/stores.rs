//! The stores that a URL can name, and which of them are compiled in.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Clock, Error, ErrorKind, EventSettings, Result, SessionStore};

use crate::redact::Url;
use crate::settings::Given;

/// A scheme of store URLs.
struct Scheme {
    name: &'static str,
    feature: &'static str,
    state: State,
    /// What may follow the name after a `+`.
    variants: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CompiledIn,
    TurnedOff,
}

const fn compiled_in(is_on: bool) -> State {
    if is_on { State::CompiledIn } else { State::TurnedOff }
}

const fn scheme(name: &'static str, feature: &'static str, state: State) -> Scheme {
    Scheme { name, feature, state, variants: &[] }
}

const fn redis(name: &'static str) -> Scheme {
    let variants = &["unix", "sentinel", "cluster"];
    Scheme { variants, ..scheme(name, "redis", compiled_in(cfg!(feature = "redis"))) }
}

const fn redis_with_tls(name: &'static str) -> Scheme {
    let (feature, is_on) = match cfg!(feature = "redis") {
        true => ("tls", cfg!(feature = "tls")),
        false => ("redis` and `tls", false),
    };
    Scheme { variants: &["sentinel", "cluster"], ..scheme(name, feature, compiled_in(is_on)) }
}

const SCHEMES: &[Scheme] = &[
    scheme("memory", "memory", compiled_in(cfg!(feature = "memory"))),
    redis("redis"),
    redis("valkey"),
    redis_with_tls("rediss"),
    redis_with_tls("valkeys"),
    scheme("postgres", "postgres", compiled_in(cfg!(feature = "postgres"))),
    scheme("postgresql", "postgres", compiled_in(cfg!(feature = "postgres"))),
    scheme("mysql", "mysql", compiled_in(cfg!(feature = "mysql"))),
    scheme("mariadb", "mysql", compiled_in(cfg!(feature = "mysql"))),
    scheme("sqlite", "sqlite", compiled_in(cfg!(feature = "sqlite"))),
];

impl Scheme {
    fn names(&self, scheme: &str) -> bool {
        match scheme.split_once('+') {
            None => scheme == self.name,
            Some((name, variant)) => name == self.name && self.variants.contains(&variant),
        }
    }
}

/// Whether the URL names a store that is compiled in. Connects to nothing.
pub(crate) fn check(url: &Url) -> Result<(), String> {
    let Some(name) = url.scheme() else {
        return Err(format!("not the URL of a store: it begins with one of {}", available()));
    };
    let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.names(&name)) else {
        return Err(format!("there is no store for `{name}:`; there are {}", available()));
    };
    let Scheme { feature, .. } = scheme;
    match scheme.state {
        State::CompiledIn if name == "memory" && !["", "//"].contains(&url.rest()) => {
            Err("the memory store has no address: say `memory:`".to_owned())
        }
        State::CompiledIn => Ok(()),
        State::TurnedOff => Err(format!(
            "the store for `{name}:` is not compiled in: turn on the feature `{feature}` of http-session"
        )),
    }
}

fn available() -> String {
    let names = SCHEMES.iter().filter(|scheme| scheme.state == State::CompiledIn);
    let names: Vec<_> = names.map(|scheme| format!("`{}:`", scheme.name)).collect();
    match &names[..] {
        [] => {
            "none (each store is a feature of http-session: `memory`, `redis`, `postgres`, `mysql`, `sqlite`)"
                .to_owned()
        }
        names => names.join(", "),
    }
}

/// How a store is opened.
#[allow(dead_code, reason = "which of it is read depends on the stores that are compiled in")]
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    /// How long an operation may take.
    pub(crate) budget: Option<Duration>,
    /// For a store without a clock of its own.
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether it tells what happens to its sessions.
    pub(crate) events: Option<EventSettings>,
}

/// The store that the settings name: memory, where they name none. A store that is somewhere else is connected
/// to here, once, so that a wrong address or password is an error at start.
pub(crate) async fn open(given: Option<&Given<Url>>, place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let Some(given) = given else { return memory_by_default(place) };
    let scheme = given.value.scheme();
    match scheme.as_deref().and_then(|scheme| scheme.split('+').next()) {
        #[cfg(feature = "memory")]
        Some("memory") => Ok(memory(place)),
        #[cfg(feature = "redis")]
        Some("redis" | "valkey" | "rediss" | "valkeys") => open_redis(given, place).await,
        #[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
        Some("postgres" | "postgresql" | "mysql" | "mariadb" | "sqlite") => open_sql(given, place).await,
        // `check` has let no other scheme pass.
        _ => Err(Error::new(ErrorKind::Config, format!("{}: {} names no store", given.origin, given.value))),
    }
}

#[cfg(feature = "memory")]
fn memory_by_default(place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        "sessions are kept in this process' memory, because no store was named: they end with it, and no other \
         process sees them. Set SESSION_STORE (`memory:`, if that is what you want)"
    );
    Ok(memory(place))
}

#[cfg(not(feature = "memory"))]
fn memory_by_default(_: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let message = "no store for sessions was named, and memory is not compiled in: set SESSION_STORE, or turn on the \
                   feature `memory` of http-session";
    Err(Error::new(ErrorKind::Config, message))
}

#[cfg(feature = "memory")]
fn memory(place: Place<'_>) -> Arc<dyn SessionStore> {
    let mut builder = session_memory::MemoryStore::builder().clock(place.clock);
    if let Some(events) = place.events {
        builder = builder.events(events);
    }
    Arc::new(builder.build())
}

#[cfg(feature = "redis")]
async fn open_redis(given: &Given<Url>, place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let mut builder = session_redis::RedisStore::builder(given.value.expose()).namespace(place.namespace);
    if let Some(budget) = place.budget {
        builder = builder.budget(budget);
    }
    if let Some(events) = place.events {
        builder = builder.events(events);
    }
    opened(given, builder.connect().await)
}

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
async fn open_sql(given: &Given<Url>, place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let builder = session_sql::SqlStore::builder(given.value.expose());
    let mut builder = builder.namespace(place.namespace).clock(place.clock);
    if let Some(budget) = place.budget {
        builder = builder.budget(budget);
    }
    if let Some(events) = place.events {
        builder = builder.events(events);
    }
    opened(given, builder.connect().await)
}

/// The store; or its error, with the setting that named the store.
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql", feature = "sqlite"))]
fn opened<S: SessionStore>(given: &Given<Url>, store: Result<S>) -> Result<Arc<dyn SessionStore>> {
    match store {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => {
            let message = format!("{}: the store {} cannot be opened: {error}", given.origin, given.value);
            Err(Error::new(error.kind(), message).with_source(error))
        }
    }
}
