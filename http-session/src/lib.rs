//! Server-side HTTP sessions for Rust services that run as more than one process: a user logs in on one node, the
//! next request lands on another, and the session is there.
//!
//! The application writes one annotation. Where sessions are kept is said at run time: in memory when nothing is
//! said, in Redis with `SESSION_STORE=redis://…`.
//!
#![cfg_attr(all(feature = "axum", feature = "macros", feature = "memory"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "axum", feature = "macros", feature = "memory")), doc = "```text")]
//! use axum::{Router, extract::Query, routing::get};
//! use http_session::{axum::{Result, Session}, session_config};
//!
//! /// Idle for half an hour at most; stored wherever the environment says.
//! #[session_config(max_inactive = 1800)]
//! struct Sessions;
//!
//! #[derive(serde::Deserialize)]
//! struct Params {
//!     #[serde(rename = "sessionVal")]
//!     value: String,
//! }
//!
//! async fn set(session: Session, Query(q): Query<Params>) -> Result<String> {
//!     session.insert("sessionVal", &q.value)?;  // synchronous: the extractor has loaded the session
//!     Ok(q.value)
//! }
//!
//! async fn read(session: Session) -> Result<String> {
//!     Ok(session.get::<String>("sessionVal")?.unwrap_or_default())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let app = Router::new()
//!         .route("/set-session", get(set))
//!         .route("/get-session", get(read))
//!         .layer(Sessions::layer().await?);
//!     axum::serve(tokio::net::TcpListener::bind("127.0.0.1:9001").await?, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! In a test, settings come from a map and the store from the test: two routers that share one are two nodes.
//!
#![cfg_attr(all(feature = "axum", feature = "macros", feature = "memory"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "macros", feature = "memory")), doc = "```text")]
//! # use axum::{Router, body::Body, http::Request, routing::{get, post}};
//! # use http_session::{axum::{Result, Session}, session_config};
//! # use tower::ServiceExt as _;
//! use std::sync::Arc;
//! use http_session::{MemoryStore, SessionStore};
//!
//! #[session_config(max_inactive = "30m", cookie(name = "shop", same_site = "Strict"))]
//! struct Sessions;
//!
//! async fn count(session: Session) -> Result<String> {
//!     let count = session.get::<u32>("count")?.unwrap_or_default() + 1;
//!     session.insert("count", &count)?;
//!     Ok(count.to_string())
//! }
//!
//! async fn node(store: &Arc<dyn SessionStore>) -> http_session::Result<Router> {
//!     let settings = [("session.max-inactive", "5m")];
//!     let layer = Sessions::builder().source(settings).shared_store(store.clone()).layer().await?;
//!     Ok(Router::new().route("/count", get(count)).layer(layer))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
//! let (one, other) = (node(&store).await?, node(&store).await?);
//!
//! let first = one.oneshot(Request::get("/count").body(Body::empty())?).await?;
//! let cookie = first.headers()["set-cookie"].to_str()?;
//! assert!(cookie.starts_with("shop=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"));
//!
//! let (id, _) = cookie.split_once(';').unwrap();
//! let second = other.oneshot(Request::get("/count").header("cookie", id).body(Body::empty())?).await?;
//! assert!(!second.headers().contains_key("set-cookie"));
//! assert_eq!(axum::body::to_bytes(second.into_body(), 9).await?, "2");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! A feature only adds. Each builds alone.
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `axum` | yes | [`axum`]: the layer and its extractors |
//! | `macros` | yes | [`macro@session_config`] |
//! | `memory` | yes | the store for `memory:`, `MemoryStore` |
//! | `redis` | | the store for `redis:` and `valkey:`, also `redis+sentinel:`, `redis+cluster:` and `redis+unix:`; `RedisStore` |
//! | `tls` | | `rediss:`, `rediss+sentinel:` and `rediss+cluster:`, with `redis` |
//! | `tracing` | | log lines: a warning at start when sessions are in memory because nothing else was said, and what stores report |
//!
//! A store's URL whose feature is off is an error at start that names the feature.
//!
//! # Where to read on
//!
//! - [`macro@session_config`]: what can be configured, and where from.
//! - [`Session`] and [`LazySession`]: what a handler can do. In axum it asks for those of [`axum`], which are these.
//! - [`Builder`]: sessions with a store, a codec or a clock of one's own, and without the attribute.
//! - [`SessionStore`]: what a store promises; `session-testkit` tests it.
//!
//! There is no `prelude`: `use http_session::*` would hide the crate `axum` behind the module of that name.

#![cfg_attr(
    not(all(feature = "axum", feature = "macros")),
    allow(rustdoc::broken_intra_doc_links, reason = "they lead to what is turned off")
)]

mod annotation;
mod builder;
mod duration;
mod mistakes;
mod redact;
mod resolve;
mod settings;
mod source;
mod stores;
mod template;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Sessions in axum: the layer, and extractors whose rejections are responses.
#[cfg(feature = "axum")]
pub mod axum {
    #[doc(inline)]
    pub use session_axum::*;
}

pub use builder::Builder;
pub use session_core::{
    Clock, Codec, CookieResolver, CookieResolverBuilder, DetachedSession, Error, ErrorKind, Expiry, Handle,
    HeaderResolver, JsonCodec, LazySession, Limits, ManagerBuilder, OsRandom, Principal, Random, Result,
    SameSite, Session, SessionIdResolver, SessionManager, SessionStore, SystemClock, Timestamp,
};
#[cfg(feature = "memory")]
pub use session_memory::MemoryStore;
#[cfg(feature = "redis")]
pub use session_redis::{Durability, RedisStore};
pub use source::{Env, Source};

/// Makes a struct the configuration of sessions.
///
/// ```
/// use http_session::session_config;
///
/// #[session_config(max_inactive = 1800, store = "redis://{host}:{port}", namespace = "shop")]
/// struct Sessions {
///     #[value("${redis.hostname:localhost}")]
///     host: String,
///     #[value("${redis.port:6379}")]
///     port: u16,
/// }
///
/// let sessions = Sessions::from_source(&[("redis.hostname", "cache.internal")])?;
/// assert_eq!((sessions.host.as_str(), sessions.port), ("cache.internal", 6379));
/// # Ok::<(), http_session::Error>(())
/// ```
///
/// # Keys
///
/// Each may be left out. **An environment variable that is set wins over the attribute**; where neither says
/// anything, the default holds.
///
/// | key | default | property, environment variable | |
/// |---|---|---|---|
/// | `max_inactive = 1800` | 1800 | `session.max-inactive`, `SESSION_MAX_INACTIVE` | how long a session lives after its last use: whole seconds, a text of `d`, `h`, `m`, `s` and `ms` as `"1h30m"`, or `"never"` |
/// | `store = "redis://…"` | `"memory:"` | `session.store`, `SESSION_STORE` | where sessions are kept; the URL's scheme picks the store among the features that are on |
/// | `namespace = "shop"` | `"session"` | `session.namespace`, `SESSION_NAMESPACE` | what keeps applications in one store apart: 1 to 100 letters, digits and `-_.:/` |
/// | `cookie(name = "id")` | `"__Host-id"`, or what the other settings allow | `session.cookie.name`, `SESSION_COOKIE_NAME` | the cookie that carries the id |
/// | `cookie(path = "/shop")` | `"/"` | `session.cookie.path`, `SESSION_COOKIE_PATH` | the paths that it is sent to |
/// | `cookie(domain = "example.org")` | none: the host alone | `session.cookie.domain`, `SESSION_COOKIE_DOMAIN` | the domain that it is sent to, with all its subdomains |
/// | `cookie(same_site = "Strict")` | `"Lax"` | `session.cookie.same-site`, `SESSION_COOKIE_SAME_SITE` | `"Strict"`, `"Lax"` or `"None"`: whether it comes with requests that other sites cause |
/// | `cookie(http_only = false)` | `true` | `session.cookie.http-only`, `SESSION_COOKIE_HTTP_ONLY` | whether scripts are kept from it |
/// | `cookie(plain_http)` | `false` | `session.cookie.plain-http`, `SESSION_COOKIE_PLAIN_HTTP` | for development without TLS: not `Secure`, and named `id`. Whoever listens on the network then has the session |
/// | `header = "X-Auth-Token"` | none | `session.header`, `SESSION_HEADER` | the id travels in this header instead of a cookie |
/// | `crate = "path"` | `"::http_session"` | | the path of this crate, where it has another name |
///
/// `cookie` and `header` exclude each other; where the environment names one and the attribute the other, the
/// environment's is meant. Flags in the environment are `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`. An
/// empty variable counts as not set.
///
/// With no store named at all, sessions are in this process' memory: they end with it, and no other node sees them.
/// With the feature `tracing` that is a warning at start. To say that it is meant, say `memory:`.
///
/// # Fields
///
/// The struct is a unit struct, or has named fields. Each field has a `#[value("…")]`: a text with placeholders,
/// which is parsed into the field's type by [`FromStr`](std::str::FromStr).
///
/// - `${name}` is the property of that name, `REDIS_HOSTNAME` in the environment for `${redis.hostname}`.
///   `${name:default}` is the default where it is not set; a default may hold placeholders again.
/// - `{field}`, in the attribute's texts, is what the struct's field holds, by its `Display`. `${…}` may stand there
///   as well.
/// - In a URL, before the `@`, both are percent-encoded, so that a password may hold any character:
///   `store = "redis://:{password}@{host}"`. Everywhere else they stand as they are.
///
/// Put the attribute above the struct's derives: they would not know `#[value]`.
///
/// # What it makes
///
/// With the struct's own visibility:
///
/// - `async fn layer() -> Result<SessionLayer>` (feature `axum`): fields and settings from the environment, the
///   store opened, the layer of its sessions. The usual way.
/// - `fn from_env() -> Result<Self>`, `fn from_source(&dyn Source) -> Result<Self>`: the struct with its fields.
/// - `fn builder() -> Builder`: a [`Builder`] that reads fields and settings when it is built, from the environment
///   or the [`Source`] that it is given.
/// - `fn into_builder(self) -> Builder`: the same with fields that are filled already.
///
/// # Mistakes
///
/// What the compiler can see, it says, all at once: an unknown key, a value of the wrong type, a timeout of nothing,
/// a placeholder for a field that is not there, a cookie that browsers would drop:
///
/// ```compile_fail
/// # use http_session::session_config;
/// #[session_config(max_inactiv = 1800)] // unknown key `max_inactiv` (did you mean `max_inactive`?)
/// struct Sessions;
/// ```
///
/// The rest is said at start, all at once, each with where it came from; passwords are not shown:
///
#[cfg_attr(feature = "memory", doc = "```")]
#[cfg_attr(not(feature = "memory"), doc = "```text")]
/// # use http_session::session_config;
/// #[session_config(namespace = "shop")]
/// struct Sessions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let wrong = [("session.max-inactive", "soon"), ("session.store", "mongodb://shop:hunter2@localhost")];
/// let error = Sessions::builder().source(wrong).build().await.unwrap_err().to_string();
/// assert!(error.contains("property session.max-inactive: \"soon\" is not a duration"));
/// assert!(error.contains("property session.store: there is no store for `mongodb:`"));
/// assert!(!error.contains("hunter2"));
/// # }
/// ```
#[cfg(feature = "macros")]
pub use session_macros::session_config;

/// The README's examples compile.
#[cfg(all(doctest, feature = "axum", feature = "macros", feature = "memory"))]
#[doc = include_str!("../../README.md")]
struct Readme;
