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
//!
//! # Where the layer goes
//!
//! `Router::layer` puts it around each route: the usual way. It costs less around the whole router, where axum does not
//! box what it adds: a request that ignores its session then takes a twentieth more CPU time than one without sessions,
//! instead of a tenth.
//!
//! ```no_run
//! # async fn example(layer: session_axum::SessionLayer) -> std::io::Result<()> {
//! use axum::extract::Request;
//! use axum::routing::get;
//! use axum::{Router, ServiceExt};
//! use tower::Layer;
//!
//! let routes = Router::new().route("/", get(async || "Hello."));
//! // With its state, also with none, the router builds its routes once, and not at each request.
//! let app = layer.layer(routes.with_state(()));
//! let listener = tokio::net::TcpListener::bind(("127.0.0.1", 3000)).await?;
//! axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await
//! # }
//! ```

mod error;
mod extract;

pub use error::{Error, Result};
pub use extract::{Attributes, LazySession, Session};
pub use session_tower::{SessionFuture, SessionLayer, SessionService};
