use redis::{RedisError, ServerError, ServerErrorKind};
use session_core::{Error, ErrorKind};

/// Why a command got no answer that counts.
pub(crate) enum Failure {
    /// The connection broke: whether the server has executed the command is not known.
    Broken(RedisError),
    /// No answer in time: not known either.
    Silent,
    /// The server has refused the command, and not executed it.
    Refused(ServerError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        if error.is_timeout() {
            return Self::Silent;
        }
        match ServerError::try_from(error) {
            Ok(refusal) => Self::Refused(refusal),
            Err(error) => Self::Broken(error),
        }
    }
}

impl Failure {
    pub(crate) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.kind() == Some(ServerErrorKind::NoScript))
    }

    /// Whether the next command needs another connection: this one is no more, or no longer leads to the primary.
    pub(crate) fn spoils_the_link(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Silent => false,
            Self::Refused(refusal) => refusal.kind() == Some(ServerErrorKind::ReadOnly),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(source) => {
                Self::new(ErrorKind::Unavailable, "the connection to the Redis server broke off")
                    .with_source(source)
            }
            Failure::Silent => timeout(),
            Failure::Refused(refusal) => refused(&refusal),
        }
    }
}

pub(crate) fn timeout() -> Error {
    Error::new(ErrorKind::Timeout, "the Redis server did not answer in time")
}

pub(crate) fn unexpected_reply(what: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, what)
}

/// The error for what the server has refused. The server's own words are left out where they may repeat a
/// command's arguments.
pub(crate) fn refused(refusal: &ServerError) -> Error {
    let (kind, text) = match refusal.kind() {
        Some(ServerErrorKind::ReadOnly) => (
            ErrorKind::ReadOnly,
            "the Redis server is a read-only replica: point the store's URL at the primary".to_owned(),
        ),
        Some(ServerErrorKind::BusyLoading) => {
            (ErrorKind::Unavailable, "the Redis server is still loading its data".to_owned())
        }
        Some(ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown | ServerErrorKind::TryAgain) => {
            (ErrorKind::Unavailable, format!("the Redis server cannot serve now ({})", refusal.code()))
        }
        Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => (
            ErrorKind::Config,
            "the Redis server is part of a cluster: the store's URL must name a standalone server".to_owned(),
        ),
        Some(ServerErrorKind::NoPerm) => (
            ErrorKind::Config,
            "the Redis user may not do what sessions need: grant it +@hash +@keyspace +@scripting +time on the \
             keys of the namespace"
                .to_owned(),
        ),
        Some(_) | None => by_code(refusal),
    };
    Error::new(kind, text)
}

fn by_code(refusal: &ServerError) -> (ErrorKind, String) {
    match refusal.code() {
        "OOM" => (
            ErrorKind::Unavailable,
            "the Redis server's memory is full: raise its maxmemory, or shorten the sessions' lives"
                .to_owned(),
        ),
        code @ ("BUSY" | "MISCONF" | "NOREPLICAS") => {
            (ErrorKind::Unavailable, format!("the Redis server takes no writes now ({code})"))
        }
        "NOAUTH" => (
            ErrorKind::Config,
            "the Redis server asks for a password: put it into the store's URL".to_owned(),
        ),
        "WRONGTYPE" => (
            ErrorKind::Protocol,
            "a session's key holds something else: does another program use the namespace?".to_owned(),
        ),
        code => {
            let words =
                refusal.details().and_then(|words| words.split(", with args").next()).unwrap_or_default();
            (ErrorKind::Protocol, format!("the Redis server answered {code}: {words}"))
        }
    }
}
