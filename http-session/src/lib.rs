//! Server-side HTTP sessions for Rust services that run as more than one process: a user logs in on one node, the
//! next request lands on another, and the session is there.
//!
//! The application writes one annotation. Where sessions are kept is said at run time: in memory when nothing is
//! said, in Redis with `SESSION_STORE=redis://…`, in a database with `postgres://…`, `mysql://…` or `sqlite://…`.
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
//! #[serde(rename_all = "camelCase")]
//! struct Params {
//!     session_val: String,
//! }
//!
//! async fn set(session: Session, Query(params): Query<Params>) -> Result<String> {
//!     session.insert("sessionVal", &params.session_val)?; // synchronous: the extractor has loaded the session
//!     Ok(params.session_val)
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
//!         .layer(Sessions::layer().await?); // memory by default; SESSION_STORE=redis://… in production
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
//! A feature only adds. Each builds alone. Rust 1.88 is enough, but for `postgres`, `mysql`, `sqlite` and `full`: sqlx
//! needs 1.94.
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `axum` | yes | [`mod@axum`]: the layer and its extractors |
//! | `tower` | with `axum` | [`mod@tower`]: the layer, for any tower service |
//! | `macros` | yes | [`macro@session_config`], [`derive@SessionAttributes`] |
//! | `memory` | yes | the store for `memory:`, `MemoryStore` |
//! | `redis` | | the store for `redis:` and `valkey:`, also `redis+sentinel:`, `redis+cluster:` and `redis+unix:`; `RedisStore` |
//! | `redis-cluster` | | the same as `redis` |
//! | `postgres` | | `SqlStore`, for `postgres:` and `postgresql:` |
//! | `mysql` | | `SqlStore`, for `mysql:` and `mariadb:` |
//! | `sqlite` | | `SqlStore`, for `sqlite:` |
//! | `tls` | | `rediss:`, `rediss+sentinel:` and `rediss+cluster:` with `redis`; encrypted connections to SQL databases |
//! | `tracing` | | log lines: a warning at start when sessions are in memory because nothing else was said, what stores report, and listeners that fail |
//! | `sha2` | | SHA-256 by the processor's own instructions: a quarter of a microsecond less a request, for seven crates more |
//! | `full` | | all of them |
//!
//! `memory`, `axum` and `macros` together add at most 22 crates to a program that has axum.
//!
//! A store's URL whose feature is off is an error at start that names the feature.
//!
//! # Where to read on
//!
//! - [`macro@session_config`]: what can be configured, and where from.
//! - [`Session`] and [`LazySession`]: what a handler can do. In axum it asks for those of [`axum`], which are these.
//! - [`Builder`]: sessions with a store, a codec or a clock of one's own, and without the attribute.
//! - [`Builder::on_event`]: hearing what happens to sessions, on all nodes.
//! - [`SessionStore`]: what a store promises; `session-testkit` tests it.
//!
//! There is no `prelude`: `use http_session::*` would hide the crate `axum` behind the module of that name.

#![cfg_attr(
    not(all(feature = "axum", feature = "macros")),
    allow(rustdoc::broken_intra_doc_links, reason = "they lead to what is turned off")
)]

mod annotation;
mod background;
mod builder;
mod duration;
mod explain;
mod file;
mod keys;
mod layers;
mod mistakes;
mod redact;
mod resolve;
mod secret;
mod settings;
mod source;
mod stores;
mod suggest;
mod template;
mod values;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

/// Sessions in axum: the layer, and extractors whose rejections are responses. What the layer costs depends a little on
/// [where it goes](session_axum#where-the-layer-goes).
#[cfg(feature = "axum")]
pub mod axum {
    #[doc(inline)]
    pub use session_axum::*;
}

/// Sessions in any tower service: the layer. The request's [`LazySession`] is among its extensions.
#[cfg(feature = "tower")]
pub mod tower {
    #[doc(inline)]
    pub use session_tower::*;
}

pub use background::{Background, listen, sweep};
pub use builder::Builder;
pub use explain::Explanation;
pub use secret::Secret;
pub use session_core::{
    Clock, Codec, CookieResolver, CookieResolverBuilder, Cursor, Delivery, DetachedSession, Error, ErrorKind,
    EventKind, EventListener, EventSettings, Expiry, FlushMode, Handle, HeaderResolver, JsonCodec, Key,
    LazySession, Limits, ManagerBuilder, OsRandom, Page, PartialSession, Principal, Random, Reason, Result,
    SameSite, SaveMode, Select, Session, SessionAttributes, SessionEvent, SessionIdResolver, SessionInfo,
    SessionLimit, SessionManager, SessionPage, SessionStore, SystemClock, Timestamp, Tracked,
    TypedAttributes, sweep_all,
};
#[cfg(feature = "memory")]
pub use session_memory::MemoryStore;
#[cfg(feature = "redis")]
pub use session_redis::{Durability, RedisStore};
#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
pub use session_sql::SqlStore;
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
/// Each may be left out. The property is the name in a file; the environment variable is the property in capitals, with
/// `_` for `.` and `-`. Durations are whole seconds or a text of `d`, `h`, `m`, `s` and `ms` as `"1h30m"`; sizes are
/// bytes, or a text as `"64KiB"` or `"1MiB"`. A flag alone, as in `bearer`, is `true`.
///
/// | key | default | property, environment variable | |
/// |---|---|---|---|
/// | `max_inactive = 1800` | `"30m"` | `session.max-inactive`, `SESSION_MAX_INACTIVE` | how long a session lives after its last use, or `"never"`: that does not end it |
/// | `anonymous_max_inactive = "5m"` | as `max_inactive` | `session.anonymous-max-inactive`, `SESSION_ANONYMOUS_MAX_INACTIVE` | the same until somebody signs in |
/// | `max_lifetime = "12h"` | `"never"` | `session.max-lifetime`, `SESSION_MAX_LIFETIME` | how long a session lives after it began or was last signed in to, however much it is used |
/// | `renew_every = "15m"` | `"never"` | `session.renew-every`, `SESSION_RENEW_EVERY` | how old an id becomes before another takes its place, without breaking parallel requests; a login renews it anyway |
/// | `touch = "10s"` | `"1m"` | `session.touch`, `SESSION_TOUCH` | how often the use of a session is noted at most: it lives up to this much longer than `max_inactive`, at most a tenth of it; `0`: every request writes |
/// | `store = "redis://…"` | `"memory:"` | `session.store`, `SESSION_STORE` | where sessions are kept: the URL's scheme picks the store among the features that are on |
/// | `store = path` | | | an `async fn(&Sessions) -> Result<impl SessionStore, E>` that opens one of the application's own, unless a file or the environment names another |
/// | `namespace = "shop"` | `"session"` | `session.namespace`, `SESSION_NAMESPACE` | what keeps applications in one store apart: 1 to 100 letters, digits and `-_.:/` |
/// | `flush = immediate` | `on_commit` | `session.flush`, `SESSION_FLUSH` | when changes are written: [once, with the response head](FlushMode::OnCommit), or also [whenever the handler waits](FlushMode::Immediate) |
/// | `save = read` | `changed` | `session.save`, `SESSION_SAVE` | what is written then: [what was changed](SaveMode::Changed), also [what was `read`](SaveMode::Read), or [`always` all](SaveMode::Always) |
/// | `save_on_error` | `false` | `session.save-on-error`, `SESSION_SAVE_ON_ERROR` | whether changes are written although the answer is a 5xx or 408 |
/// | `max_attribute_bytes = "64KiB"` | `"1MiB"` | `session.max-attribute-bytes`, `SESSION_MAX_ATTRIBUTE_BYTES` | how large an encoded attribute may be |
/// | `max_session_bytes = "256KiB"` | `"4MiB"` | `session.max-session-bytes`, `SESSION_MAX_SESSION_BYTES` | the same for all names and attributes together, as far as the request knows them |
/// | `max_attributes = 100` | `1024` | `session.max-attributes`, `SESSION_MAX_ATTRIBUTES` | how many attributes a session may have, counted the same way |
/// | `budget = "500ms"` | `"2s"` | `session.budget`, `SESSION_BUDGET` | how long an operation of the store, or a [`modify`](LazySession::modify), may take |
/// | `sweep = "5m"` | `"1m"` | `session.sweep`, `SESSION_SWEEP` | how often expired sessions are removed in the background from a store that does not do it by itself, or `"never"` |
/// | `events` | `false` | `session.events`, `SESSION_EVENTS` | whether the store tells what happens to its sessions, although [nobody on this node](Builder::on_event) listens: for those who do on others |
/// | `cookie(name = "id")` | `"__Host-id"`, or what the other settings allow | `session.cookie.name`, `SESSION_COOKIE_NAME` | the cookie that carries the id |
/// | `cookie(path = "/shop")` | `"/"` | `session.cookie.path`, `SESSION_COOKIE_PATH` | the paths that it is sent to |
/// | `cookie(domain = "example.org")` | none: the host alone | `session.cookie.domain`, `SESSION_COOKIE_DOMAIN` | the domain that it is sent to, with all its subdomains |
/// | `cookie(same_site = Strict)` | `Lax` | `session.cookie.same-site`, `SESSION_COOKIE_SAME_SITE` | `Strict`, `Lax` or `None`: whether it comes with requests that other sites cause |
/// | `cookie(secure = false)` | `true` | `session.cookie.secure`, `SESSION_COOKIE_SECURE` | whether it travels over TLS alone; `false` is for development without, and the name is then `id`. Whoever listens on the network has the session |
/// | `cookie(http_only = false)` | `true` | `session.cookie.http-only`, `SESSION_COOKIE_HTTP_ONLY` | whether scripts are kept from it |
/// | `cookie(partitioned)` | `false` | `session.cookie.partitioned`, `SESSION_COOKIE_PARTITIONED` | whether each site that embeds this one has a cookie of its own (CHIPS) |
/// | `cookie(max_age = "30d")` | none: as long as the browser runs | `session.cookie.max-age`, `SESSION_COOKIE_MAX_AGE` | how long browsers keep it, at most 400 days; sent anew when a request that has read the session notes its use, so not by [blind writes](LazySession) alone. It ends no session |
/// | `cookie(base64)` | `false` | `session.cookie.base64`, `SESSION_COOKIE_BASE64` | whether the id is encoded once more, as Spring does |
/// | `cookie(route = "node-1")` | none | `session.cookie.route`, `SESSION_COOKIE_ROUTE` | what stands behind the id, after a dot, for a front that sends clients back to their node (Spring's `jvmRoute`): 1 to 100 letters, digits and `-_` |
/// | `header = "X-Auth-Token"` | none | `session.header`, `SESSION_HEADER` | the id travels in this header, both ways, instead of a cookie |
/// | `bearer` | `false` | `session.bearer`, `SESSION_BEARER` | the id travels as `Authorization: Bearer …`, both ways, instead of a cookie |
/// | `resolver = MyResolver::new()` | | | the id travels as this [`SessionIdResolver`] says, unless a file or the environment names another way |
/// | `codec = MyCodec::new()` | JSON | | how attributes are encoded: a [`Codec`] |
/// | `config = "shop.toml"` | `"session.toml"` | `SESSION_CONFIG` | the file that is read |
/// | `crate = "path"` | `"::http_session"` | | the path of this crate, where it has another name |
///
/// A session's id travels in one way: `cookie(…)`, `header`, `bearer` and `resolver` exclude each other. Where the
/// attribute says one and the file or the environment another, the more important source is meant. Flags in a file or in the
/// environment are `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`. What a value is called does not depend on case,
/// `-` and `_`.
///
/// With no store named at all, sessions are in this process' memory: they end with it, and no other node sees them.
/// With the feature `tracing` that is a warning at start. To say that it is meant, say `memory:`.
///
/// # Sources
///
/// What is said later wins: the attribute, `session.toml` for all (`[default]`), `session.toml` for the profile that
/// `SESSION_PROFILE` names, the environment.
///
/// ```toml
/// [default]
/// session.max-inactive = "30m"
/// session.store = "memory:"
///
/// [production]
/// session.store = "redis://:${redis.password}@${redis.hostname:localhost}:6379"
/// session.cookie.same-site = "Strict"
/// redis.hostname = "cache.internal"
/// ```
///
/// The file lies in the working directory, or where `SESSION_CONFIG` or the key `config` say. There need not be one; one
/// that is broken is an error, and so is a profile that it does not know, and a property under `session.` that is no
/// setting. Names may be spelled with `-`, `_` or capitals. A value may hold `${name:default}`: any property, in turn. What
/// stands in the environment stands for itself, so that a password may hold any character; an empty variable counts
/// as not set.
///
/// `Sessions::explain()` is a table of what holds and where each value comes from, with a warning where it is outside
/// the limits of NIST SP 800-63B-4. Print it at start, or from a command of its own.
///
/// # Fields
///
/// The struct is a unit struct, or has named fields. Each field has a `#[value("…")]`: a text with placeholders,
/// which is parsed into the field's type by [`FromStr`](std::str::FromStr), or as a duration into a
/// [`Duration`](std::time::Duration). An `Option` of these is `None` where a property has neither a value nor a default. A
/// password is a [`Secret`].
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
/// - `async fn layer() -> Result<SessionLayer>` (feature `axum`): fields and settings from file and environment, the
///   store opened, the layer of its sessions. The usual way.
/// - `fn from_env() -> Result<Self>`, `fn from_source(&dyn Source) -> Result<Self>`: the struct with its fields.
/// - `fn explain() -> Result<Explanation>`: what holds, and why.
/// - `fn builder() -> Builder`: a [`Builder`] that reads fields and settings when it is built, from file and
///   environment or the [`Source`] that it is given.
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

/// Makes a struct a set of attributes, each stored by itself: loaded together, in one round trip that asks for no other,
/// and written one by one, where they were changed.
///
#[cfg_attr(all(feature = "axum", feature = "memory"), doc = "```")]
#[cfg_attr(not(all(feature = "axum", feature = "memory")), doc = "```text")]
/// use http_session::axum::{Attributes, Result};
/// use http_session::SessionAttributes;
///
/// #[derive(SessionAttributes)]
/// #[attributes(prefix = "cart")]
/// struct Cart {
///     #[attribute(default)]
///     items: Vec<String>,              // stored under `cart.items`
///     #[attribute(default = "EUR".to_owned())]
///     currency: String,
///     coupon: Option<String>,          // an `Option` may be missing
///     #[attribute(one_time, default)]
///     message: Option<String>,         // handed to one request, once
///     #[attribute(skip)]
///     total: f64,                      // not stored
/// }
///
/// async fn add(mut cart: Attributes<Cart>) -> Result<String> {
///     let greeting = cart.message.clone().unwrap_or_default();
///     cart.edit().items.push("tea".to_owned()); // `cart.items` is written, and nothing else
///     Ok(format!("{greeting} {} items", cart.items.len()))
/// }
/// # let _: axum::routing::MethodRouter = axum::routing::get(add);
/// ```
///
/// The fields are read by their names. To change them, [`edit`](TypedAttributes::edit) hands out a guard with the same
/// fields, named `CartGuard` here, each of which notes whether it is borrowed mutably. When it is dropped, the ones that
/// were are set in the session; they are written with the response head, as by [`insert`](LazySession::insert). A
/// change that cannot be taken (too large, say) makes the answer that error; [`Tracked::store`] says it at once. Without an
/// adapter: [`LazySession::load_as`].
///
/// # On the struct
///
/// `#[attributes(prefix = "cart")]`: what the names begin with, before a dot; `""` for nothing. Default: the struct's
/// name in small letters. `#[attributes(crate = "path")]`: the path of this crate, where it has another name.
///
/// # On fields
///
/// | | |
/// |---|---|
/// | `#[attribute(name = "cc")]` | the name behind the prefix, instead of the field's |
/// | `#[attribute(default)]`, `#[attribute(default = expression)]` | the field's value where the attribute is missing. Without it a missing attribute is an error of kind [`Missing`](ErrorKind::Missing) (409), but for an `Option` |
/// | `#[attribute(one_time)]` | the attribute is [taken](LazySession::take) out of the session when it is read: of any number of requests one gets it |
/// | `#[attribute(skip)]` | the field is no attribute: it is its default |
///
/// The types are whatever serde can read and write, also type parameters of the struct. Attributes of other names are
/// not touched; those of a name that another struct uses, too, are the same attributes.
#[cfg(feature = "macros")]
pub use session_macros::SessionAttributes;

/// The README's examples compile.
#[cfg(all(doctest, feature = "axum", feature = "macros", feature = "memory"))]
#[doc = include_str!("../../README.md")]
struct Readme;

/// What stands in the documentation for those who come from Spring compiles.
#[cfg(all(doctest, feature = "axum", feature = "macros", feature = "memory", feature = "redis"))]
#[doc = include_str!("../../docs/spring.md")]
struct Spring;
