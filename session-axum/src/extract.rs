use std::ops::{Deref, DerefMut};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use session_core::{ErrorKind, SessionAttributes};

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

/// The session's attributes of one struct, read: [`session_core::TypedAttributes`] as an extractor, for a struct with
/// `#[derive(SessionAttributes)]`.
///
/// One round trip to the store that asks for no other attribute, unless another extractor has asked already. Rejected
/// with 409 when an attribute is missing that has no default, with 503 when the store cannot be asked. As
/// `Option<Attributes<T>>` it is `None` where one is missing.
#[derive(Debug)]
pub struct Attributes<T>(session_core::TypedAttributes<T>);

impl<T> Deref for Attributes<T> {
    type Target = session_core::TypedAttributes<T>;

    fn deref(&self) -> &session_core::TypedAttributes<T> {
        &self.0
    }
}

impl<T> DerefMut for Attributes<T> {
    fn deref_mut(&mut self) -> &mut session_core::TypedAttributes<T> {
        &mut self.0
    }
}

impl<T: SessionAttributes + Send, S: Sync> FromRequestParts<S> for Attributes<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(of_request(parts)?.load_as().await?))
    }
}

impl<T: SessionAttributes + Send, S: Sync> OptionalFromRequestParts<S> for Attributes<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Error> {
        match of_request(parts)?.load_as().await {
            Ok(attributes) => Ok(Some(Self(attributes))),
            Err(error) if error.kind() == ErrorKind::Missing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn of_request(parts: &Parts) -> Result<session_core::LazySession, Error> {
    parts.extensions.get::<session_core::LazySession>().cloned().ok_or_else(|| {
        let missing = "a handler asks for the session of a request that passed no SessionLayer: add one around the \
                       router, after the routes";
        session_core::Error::new(ErrorKind::MissingLayer, missing).into()
    })
}
