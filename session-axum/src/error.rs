use std::fmt;
use std::ops::Deref;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// `Result` with an [`Error`] that is a response.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A session error as an answer: 503 while the store cannot be reached, 409 when the session was ended over the
/// request's head, 413 for what is too large, 500 otherwise. The body is a constant; the cause is for the log.
#[derive(Clone, Debug)]
pub struct Error(session_core::Error);

impl From<session_core::Error> for Error {
    fn from(error: session_core::Error) -> Self {
        Self(error)
    }
}

impl From<Error> for session_core::Error {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl Deref for Error {
    type Target = session_core::Error;

    fn deref(&self) -> &session_core::Error {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.0.public_message()).into_response()
    }
}
