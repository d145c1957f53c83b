use redis::Value;
use session_core::{Error, ErrorKind, Result};

use crate::error::{refused, unexpected_reply};
use crate::url::Address;

/// What a server says of itself when it is asked with `HELLO`, which every user may do.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) mode: Mode,
    pub(crate) is_replica: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Standalone,
    Sentinel,
    Cluster,
}

/// The index of a principal's sessions moves an entry's end only forward (`ZADD GT`).
const OLDEST: (u64, u64) = (6, 2);

impl Hello {
    /// # Errors
    ///
    /// The server refuses, or is too old.
    pub(crate) fn decode(value: Value, address: &Address) -> Result<Self> {
        let answer = match value {
            Value::Array(answer) => answer,
            Value::ServerError(refusal) if refusal.code() == "ERR" => return Err(too_old(address, None)),
            Value::ServerError(refusal) => return Err(refused(&refusal)),
            _ => return Err(unexpected_reply("the Redis server answered HELLO with no list")),
        };
        let mut hello = Self { mode: Mode::Standalone, is_replica: false };
        let mut answer = answer.into_iter();
        while let (Some(name), Some(value)) = (answer.next(), answer.next()) {
            match (text(&name), text(&value)) {
                (Some("version"), Some(version)) if is_too_old(version) => {
                    return Err(too_old(address, Some(version)));
                }
                (Some("mode"), Some("cluster")) => hello.mode = Mode::Cluster,
                (Some("mode"), Some("sentinel")) => hello.mode = Mode::Sentinel,
                (Some("role"), Some(role)) => hello.is_replica = role == "replica",
                _ => {}
            }
        }
        Ok(hello)
    }
}

/// What cannot be read is taken for new enough: other servers of this protocol count differently.
fn is_too_old(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u64>().ok());
    let version = numbers.next().map(|major| (major, numbers.next().unwrap_or(0)));
    version.is_some_and(|version| version < OLDEST)
}

fn too_old(address: &Address, version: Option<&str>) -> Error {
    let version = version.map_or_else(String::new, |version| format!(" (it is {version})"));
    let (major, minor) = OLDEST;
    let text = format!(
        "the Redis server at {address} is too old{version}: sessions need version {major}.{minor} or later, for the index \
         of a principal's sessions (ZADD GT)"
    );
    Error::new(ErrorKind::Config, text)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(text) => std::str::from_utf8(text).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
