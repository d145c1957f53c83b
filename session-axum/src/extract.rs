use std::ops::Deref;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use session_core::ErrorKind;

use crate::Error;

/// The session of the request, read: [`session_core::Session`] as an extractor.
///
/// One round trip to the store, unless another extractor has made it already. Rejected with 503 when the store
/// cannot be asked: that never looks like "no session". As `Option<Session>` it is `None` when there is no live
/// session.
#[derive(Clone, Debug)]
pub struct Session(session_core::Session);

/// The session of the request, not read: [`session_core::LazySession`] as an extractor. Asks nothing of the store.
#[derive(Clone, Debug)]
pub struct LazySession(session_core::LazySession);

impl Deref for Session {
    type Target = session_core::Session;

    fn deref(&self) -> &session_core::Session {
        &self.0
    }
}

impl Deref for LazySession {
    type Target = session_core::LazySession;

    fn deref(&self) -> &session_core::LazySession {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for LazySession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        of_request(parts).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(of_request(parts)?.load().await?))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        let session = of_request(parts)?.load().await?;
        Ok(session.exists().then_some(Self(session)))
    }
}

fn of_request(parts: &Parts) -> Result<session_core::LazySession, Error> {
    parts.extensions.get::<session_core::LazySession>().cloned().ok_or_else(|| {
        let missing = "a handler asks for the session of a request that passed no SessionLayer: add one around the \
                       router, after the routes";
        session_core::Error::new(ErrorKind::MissingLayer, missing).into()
    })
}
