use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// `Result` with this project's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store cannot be reached, or broke off. Whether the operation was applied is not known.
    Unavailable,
    /// The store did not answer within the budget of the operation. Whether it was applied is not known.
    Timeout,
    /// The store answers, but is a replica that takes no writes.
    ReadOnly,
    /// The session was ended or rotated while this request was under way: log in again, or reload.
    Gone,
    /// The request cannot be carried out as things stand: several live sessions were presented, or a value kept
    /// changing under [`modify`](crate::LazySession::modify).
    Conflict,
    /// The principal has as many sessions as the [limit](crate::SessionLimit) allows.
    LimitReached,
    /// There is no session to do this to.
    NoSession,
    /// The response has begun: a change can no longer reach the store or the client through this handle.
    Committed,
    /// A name, an attribute or the session exceeds its limit. Nothing was stored.
    TooLarge,
    /// An attribute that has to be there is not.
    Missing,
    /// A stored attribute is not what was asked for. The session and its other attributes are fine.
    Undecodable,
    /// An attribute was asked for that is not among those that were
    /// [loaded](crate::LazySession::load_only): whether it is there is not known.
    NotLoaded,
    /// A value cannot be encoded. Nothing was stored.
    Unencodable,
    /// Text that is not what it should be, a handle for instance.
    Malformed,
    /// There were no random bytes for a session id.
    Random,
    /// A setting is wrong or missing. Told at start.
    Config,
    /// The store answered something that this version does not understand.
    Protocol,
    /// The request did not pass a session layer.
    MissingLayer,
}

/// Why something about a session failed.
///
/// Branch on [`kind`](Self::kind), log the text and the [`source`](std::error::Error::source). Neither ever
/// holds a session id, an attribute's value or a password.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind. The message says what failed and what to do, and holds no id, value or password.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let Inner { kind, message, .. } = &*self.0;
        Self(Arc::new(Inner { kind: *kind, message: message.clone(), source: Some(source.into()) }))
    }

    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same request may well succeed a little later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::ReadOnly)
    }

    /// The status of the HTTP answer that this error becomes when an application passes it on.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self.kind() {
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::ReadOnly => 503,
            ErrorKind::Gone | ErrorKind::Conflict | ErrorKind::NoSession | ErrorKind::Missing => 409,
            ErrorKind::LimitReached => 403,
            ErrorKind::TooLarge => 413,
            ErrorKind::Malformed => 400,
            ErrorKind::Committed
            | ErrorKind::Undecodable
            | ErrorKind::NotLoaded
            | ErrorKind::Unencodable
            | ErrorKind::Random
            | ErrorKind::Config
            | ErrorKind::Protocol
            | ErrorKind::MissingLayer => 500,
        }
    }

    /// The body of that answer: a constant a status, so that no cause leaks to a client (ASVS 5.0, 16.5.1).
    #[must_use]
    pub fn public_message(&self) -> &'static str {
        match self.status() {
            503 => "The session store is not available. Please try again.\n",
            403 => "You are signed in too often already. Please sign out elsewhere first.\n",
            409 => "Your session has changed. Please reload the page.\n",
            413 => "The session would become too large.\n",
            400 => "Malformed request.\n",
            _ => "Internal server error.\n",
        }
    }

    /// Whether the operation that failed with this may have been applied all the same.
    pub(crate) fn leaves_outcome_unknown(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Protocol)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Error");
        // As it reads: `main` shows its error this way, and what is wrong with a configuration has a line for each.
        text.field("kind", &self.0.kind).field("message", &format_args!("{}", self.0.message));
        if let Some(source) = &self.0.source {
            text.field("source", source);
        }
        text.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
