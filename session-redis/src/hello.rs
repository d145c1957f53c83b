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

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(answer: &[(&str, &str)]) -> Result<Hello> {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let answer = answer.iter().flat_map(|(name, value)| [text(name), text(value)]);
        Hello::decode(Value::Array(answer.collect()), &Address::Tcp("h".to_owned(), 1))
    }

    #[test]
    fn a_server_says_what_it_is() {
        for (mode, role, expected) in [
            ("standalone", "master", (Mode::Standalone, false)),
            ("standalone", "replica", (Mode::Standalone, true)),
            ("cluster", "master", (Mode::Cluster, false)),
            ("sentinel", "sentinel", (Mode::Sentinel, false)),
        ] {
            let hello = decoded(&[("server", "redis"), ("mode", mode), ("role", role)]).unwrap();
            assert_eq!((hello.mode, hello.is_replica), expected);
        }
    }

    #[test]
    fn a_server_is_too_old_by_its_number() {
        for version in ["2.8.24", "5.0.14", "6", "6.0.20", "6.1.240"] {
            let error = decoded(&[("server", "redis"), ("version", version)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let words = format!(
                "the Redis server at h:1 is too old (it is {version}): sessions need version 6.2 or later"
            );
            assert!(error.to_string().starts_with(&words), "{error}");
        }
        for version in ["6.2", "6.2.0", "6.10", "7.0.15", "10.0.0", "255.255.255", "unstable", ""] {
            assert!(decoded(&[("version", version)]).is_ok(), "{version}");
        }
    }

    #[test]
    fn what_does_not_know_the_question_is_too_old() {
        let refusal = |line: &str| redis::parse_redis_value(line.as_bytes()).unwrap();
        let decoded = |value| Hello::decode(value, &Address::Tcp("h".to_owned(), 1)).unwrap_err();
        let error = decoded(refusal("-ERR unknown command `HELLO`, with args beginning with: \r\n"));
        assert!(
            error.to_string().starts_with("the Redis server at h:1 is too old: sessions need"),
            "{error}"
        );
        let error = decoded(refusal("-NOPERM this user has no permissions to run the 'hello' command\r\n"));
        assert!(error.to_string().contains("may not use HELLO"), "{error}");
        assert_eq!(decoded(refusal("+OK\r\n")).kind(), ErrorKind::Protocol);
    }
}
