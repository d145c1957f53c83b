use redis::{ServerError, ServerErrorKind};
use session_core::{Error, ErrorKind};

use crate::pipe::Broken;

/// Why a command got no answer that counts.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection broke: whether the server has executed the command is not known.
    Broken(Broken),
    /// No answer in time: not known either.
    Silent,
    /// The server has refused the command, and not executed it.
    Refused(ServerError),
    /// The server has executed it, and no replica has confirmed that in time.
    NotReplicated,
}

/// What may be done about a [`Failure`].
pub(crate) enum Remedy {
    /// Nothing.
    None,
    /// Nothing was executed: the server does not know the script any more.
    LoadScript,
    /// Nothing was executed: the key is somebody else's, at this address. `only_now`: while it moves there, who has to be
    /// asked for it.
    Elsewhere { to: String, only_now: bool },
    /// Nothing was executed: this server can do it later, or is not the one any more.
    Later,
    /// To send it again, if that does no harm: it may have been executed.
    SendAgain,
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Failure {
    pub(crate) fn remedy(&self) -> Remedy {
        let refusal = match self {
            Self::Broken(_) => return Remedy::SendAgain,
            Self::Silent | Self::NotReplicated => return Remedy::None,
            Self::Refused(refusal) => refusal,
        };
        // `MOVED 3999 127.0.0.1:6381`
        let address = || refusal.details().and_then(|words| words.split(' ').nth(1)).map(str::to_owned);
        match (refusal.kind(), address()) {
            (Some(ServerErrorKind::NoScript), _) => Remedy::LoadScript,
            (Some(ServerErrorKind::Moved), Some(address)) => {
                Remedy::Elsewhere { to: address, only_now: false }
            }
            (Some(ServerErrorKind::Ask), Some(address)) => Remedy::Elsewhere { to: address, only_now: true },
            (
                Some(
                    ServerErrorKind::ReadOnly
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::TryAgain,
                ),
                _,
            ) => Remedy::Later,
            _ => Remedy::None,
        }
    }

    /// Whether the next command needs another connection: this one is no more, or no longer leads to the primary.
    pub(crate) fn spoils_the_link(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Silent | Self::NotReplicated => false,
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
            Failure::NotReplicated => Self::new(
                ErrorKind::Timeout,
                "the Redis server has made the change, but no replica has confirmed it in time",
            ),
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

pub(crate) const READ_ONLY: &str =
    "the Redis server is a read-only replica: point the store's URL at the primary";

/// What a user of the server has to be allowed to.
pub(crate) const PERMISSIONS: &str = "+@hash +@sortedset +@keyspace +@scripting +time, in a Cluster +cluster|slots +cluster|info \
                                      +asking, to wait for a replica +wait, for events +@stream, on the keys of the namespace";

/// The words of a refusal name the command, and never a key or another argument.
fn not_permitted(words: Option<&str>) -> String {
    match words.and_then(|words| words.split('\'').nth(1)) {
        Some(command) => format!(
            "the Redis user may not use {}: grant it what sessions need ({PERMISSIONS})",
            command.to_uppercase()
        ),
        None => format!(
            "the Redis user may not access the keys of the namespace: grant it ~<namespace>:* ({PERMISSIONS})"
        ),
    }
}

/// The error for what the server has refused. The server's own words are left out where they may repeat a
/// command's arguments.
pub(crate) fn refused(refusal: &ServerError) -> Error {
    let (kind, text) = match refusal.kind() {
        Some(ServerErrorKind::ReadOnly) => (ErrorKind::ReadOnly, READ_ONLY.to_owned()),
        Some(ServerErrorKind::BusyLoading) => {
            (ErrorKind::Unavailable, "the Redis server is still loading its data".to_owned())
        }
        Some(ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown | ServerErrorKind::TryAgain) => {
            (ErrorKind::Unavailable, format!("the Redis server cannot serve now ({})", refusal.code()))
        }
        Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => (
            ErrorKind::Config,
            "the Redis server is part of a Cluster: write redis+cluster:// into the store's URL".to_owned(),
        ),
        Some(ServerErrorKind::NoPerm) => (ErrorKind::Config, not_permitted(refusal.details())),
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
