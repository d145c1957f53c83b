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
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CompiledIn,
    TurnedOff,
    /// Its feature does not exist yet.
    Planned,
}

const fn compiled_in(is_on: bool) -> State {
    if is_on { State::CompiledIn } else { State::TurnedOff }
}

const SCHEMES: &[Scheme] = &[
    Scheme { name: "memory", feature: "memory", state: compiled_in(cfg!(feature = "memory")) },
    Scheme { name: "redis", feature: "redis", state: compiled_in(cfg!(feature = "redis")) },
    Scheme { name: "valkey", feature: "redis", state: compiled_in(cfg!(feature = "redis")) },
    Scheme { name: "rediss", feature: "tls", state: State::Planned },
    Scheme { name: "redis-sentinel", feature: "redis-sentinel", state: State::Planned },
    Scheme { name: "redis-cluster", feature: "redis-cluster", state: State::Planned },
    Scheme { name: "postgres", feature: "postgres", state: State::Planned },
    Scheme { name: "postgresql", feature: "postgres", state: State::Planned },
    Scheme { name: "mysql", feature: "mysql", state: State::Planned },
    Scheme { name: "mariadb", feature: "mysql", state: State::Planned },
    Scheme { name: "sqlite", feature: "sqlite", state: State::Planned },
];

/// Whether the URL names a store that is compiled in. Connects to nothing.
pub(crate) fn check(url: &Url) -> Result<(), String> {
    let Some(name) = url.scheme() else {
        return Err(format!("not the URL of a store: it begins with one of {}", available()));
    };
    let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == name) else {
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
        State::Planned => Err(format!(
            "`{name}:` needs the feature `{feature}`, which this version of http-session does not have yet; \
             there are {}",
            available()
        )),
    }
}

fn available() -> String {
    let names = SCHEMES.iter().filter(|scheme| scheme.state == State::CompiledIn);
    let names: Vec<_> = names.map(|scheme| format!("`{}:`", scheme.name)).collect();
    match &names[..] {
        [] => "none (each store is a feature of http-session: `memory`, `redis`)".to_owned(),
        names => names.join(", "),
    }
}

/// How a store is opened.
pub(crate) struct Place<'a> {
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "for a store that others share"))]
    pub(crate) namespace: &'a str,
    /// How long an operation may take.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "for a store that connects"))]
    pub(crate) budget: Option<Duration>,
    /// For a store without a clock of its own.
    #[cfg_attr(not(feature = "memory"), expect(dead_code, reason = "for a store without a clock"))]
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether it tells what happens to its sessions.
    #[cfg_attr(
        not(any(feature = "memory", feature = "redis")),
        expect(dead_code, reason = "for a store that tells events")
    )]
    pub(crate) events: Option<EventSettings>,
}

/// The store that the settings name: memory, where they name none. A store that is somewhere else is connected
/// to here, once, so that a wrong address or password is an error at start.
pub(crate) async fn open(given: Option<&Given<Url>>, place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let Some(given) = given else { return memory_by_default(place) };
    match given.value.scheme().as_deref() {
        #[cfg(feature = "memory")]
        Some("memory") => Ok(memory(place)),
        #[cfg(feature = "redis")]
        Some("redis" | "valkey") => redis(given, place).await,
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
async fn redis(given: &Given<Url>, place: Place<'_>) -> Result<Arc<dyn SessionStore>> {
    let mut builder = session_redis::RedisStore::builder(given.value.expose()).namespace(place.namespace);
    if let Some(budget) = place.budget {
        builder = builder.budget(budget);
    }
    if let Some(events) = place.events {
        builder = builder.events(events);
    }
    match builder.connect().await {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(not_opened(given, error)),
    }
}

/// The store's error, with the setting that named the store.
#[cfg(feature = "redis")]
fn not_opened(given: &Given<Url>, error: Error) -> Error {
    let message = format!("{}: the store {} cannot be opened: {error}", given.origin, given.value);
    Error::new(error.kind(), message).with_source(error)
}
