//! axum extractors for sessions, and their rejections.
//!
//! - [`Session`]: the session of the request, read. One round trip for the first that asks.
//! - [`Option<Session>`](Session#impl-OptionalFromRequestParts%3CS%3E-for-Session): `None` when there is no live
//!   session.
//! - [`LazySession`]: the same, not read: for handlers that only write, or need one attribute of many.
//! - [`Attributes`]: the attributes of one struct, and no others.
//!
//! [`SessionLayer`] must lie around the routes; without it every extractor answers 500. The types here are newtypes
//! of the framework-free ones, so that a new axum never forces a new store: they [`Deref`](std::ops::Deref) to
//! them, and [`Error`] turns into a response.

mod error;
mod extract;

pub use error::{Error, Result};
pub use extract::{Attributes, LazySession, Session};
pub use session_tower::{SessionFuture, SessionLayer, SessionService};
