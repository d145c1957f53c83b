//! Server-side HTTP sessions for Rust services that run as more than one process.

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

/// Sessions in axum: the layer, and extractors that are responses when they fail.
#[cfg(feature = "axum")]
pub mod axum {
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
pub use session_redis::RedisStore;
pub use source::{Env, Source};

#[cfg(feature = "macros")]
pub use session_macros::session_config;
