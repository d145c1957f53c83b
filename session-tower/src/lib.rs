//! A tower layer that gives each request its session.
//!
//! [`SessionLayer`] puts a [`LazySession`](session_core::LazySession) into the request's extensions, and commits it
//! when the response head is about to leave. It decides nothing about sessions: that is
//! [`SessionManager`](session_core::SessionManager)'s part. A request that never asks for its session costs the
//! store nothing.
//!
//! The response's body type must be `From<&'static str>`, for the answer that takes the handler's place when the
//! store cannot be reached (503) or the session was ended over the request's head (409). axum's `Body` is.
//!
//! Where the inner service answers `Err` there is no response to write to: nothing pending is written, and the cookie of a
//! rotation, a sign-in or an end that the store has carried out does not reach the client. So errors become responses
//! inside of this layer, as axum has it.

mod future;
mod layer;
mod response;
mod service;

pub use future::SessionFuture;
pub use layer::SessionLayer;
pub use service::SessionService;
