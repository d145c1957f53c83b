use bytes::Bytes;
use redis::Value;
use session_core::{Created, Error, Principal, Renewed, Result, Saved, SignedIn, Swapped, Taken};

use crate::error::unexpected_reply;

/// What a writing script answers when it has looked for a match.
pub(crate) enum Verdict {
    /// It was carried out, at this time if the script has asked the server's clock for it.
    Done(Option<u64>),
    /// It was carried out, and concerns a principal's index.
    Listed(Listed),
    Gone,
    Absent,
    /// What the operation alone refuses.
    Refused,
}

/// What the index has to be told of.
pub(crate) struct Listed {
    pub(crate) now: u64,
    /// Where the session's end is to move, once its entry lives as long. 0: it has ended.
    pub(crate) until: u64,
    /// When the session entered the index.
    pub(crate) entered: u64,
    pub(crate) principal: Principal,
}

/// Any later time is one; scripts use the small numbers for what they say without one.
const FIRST_TIME: i64 = 1_000_000_000_000;

pub(crate) fn verdict(value: &Value) -> Result<Verdict> {
    match value {
        Value::Int(1) => Ok(Verdict::Done(None)),
        Value::Int(0) => Ok(Verdict::Absent),
        Value::Int(-1) => Ok(Verdict::Gone),
        Value::Int(-2) => Ok(Verdict::Refused),
        Value::Int(time) if *time >= FIRST_TIME => Ok(Verdict::Done(Some(time.unsigned_abs()))),
        Value::Array(parts) => listed(parts).map(Verdict::Listed),
        _ => Err(unexpected_reply("a script answered what is no verdict")),
    }
}

fn listed(parts: &[Value]) -> Result<Listed> {
    let listed = match parts {
        [Value::Int(now), Value::Int(until), Value::BulkString(field)] => {
            principal(field).map(|(entered, principal)| Listed {
                now: now.unsigned_abs(),
                until: until.unsigned_abs(),
                entered,
                principal,
            })
        }
        _ => None,
    };
    listed.ok_or_else(|| unexpected_reply("a script answered a list that is no verdict"))
}

/// The principal's field of a record: when the session entered the index, and whose it is.
pub(crate) fn principal(field: &[u8]) -> Option<(u64, Principal)> {
    let (entered, name) = std::str::from_utf8(field).ok()?.split_once(' ')?;
    Some((entered.parse().ok()?, Principal::from(name)))
}

pub(crate) fn created(verdict: &Verdict) -> Result<Created> {
    match verdict {
        Verdict::Done(_) => Ok(Created::Created),
        Verdict::Gone => Ok(Created::Gone),
        Verdict::Refused => Err(Error::locator_in_use()),
        Verdict::Absent | Verdict::Listed(_) => {
            Err(unexpected_reply("the script of create answered what is none of its answers"))
        }
    }
}

pub(crate) fn saved(verdict: &Verdict) -> Result<Saved> {
    match verdict {
        Verdict::Done(_) | Verdict::Listed(_) => Ok(Saved::Applied),
        Verdict::Gone => Ok(Saved::Gone),
        Verdict::Absent => Ok(Saved::Absent),
        Verdict::Refused => Err(unexpected_reply("a script that refuses nothing answered that it does")),
    }
}

pub(crate) fn renewed(verdict: &Verdict) -> Result<Renewed> {
    match verdict {
        Verdict::Done(Some(_)) => Ok(Renewed::Issued),
        Verdict::Done(None) => Ok(Renewed::NotDue),
        Verdict::Gone => Ok(Renewed::Gone),
        Verdict::Absent => Ok(Renewed::Absent),
        Verdict::Refused | Verdict::Listed(_) => {
            Err(unexpected_reply("the script of renew answered what is none of its answers"))
        }
    }
}

pub(crate) fn signed_in(verdict: &Verdict) -> SignedIn {
    match verdict {
        Verdict::Done(_) | Verdict::Listed(_) => SignedIn::Applied,
        Verdict::Gone => SignedIn::Gone,
        Verdict::Absent => SignedIn::Absent,
        Verdict::Refused => SignedIn::Other,
    }
}

pub(crate) fn taken(value: Value) -> Result<Taken> {
    match value {
        Value::BulkString(value) => Ok(Taken::Value(Bytes::from(value))),
        Value::Int(1) => Ok(Taken::Nothing),
        Value::Int(0) => Ok(Taken::Absent),
        Value::Int(-1) => Ok(Taken::Gone),
        _ => Err(unexpected_reply("the script of take answered neither a value nor a verdict")),
    }
}

pub(crate) fn swapped(value: Value) -> Result<Swapped> {
    match value {
        Value::BulkString(value) => Ok(Swapped::Conflict(Some(Bytes::from(value)))),
        Value::Nil => Ok(Swapped::Conflict(None)),
        Value::Int(1) => Ok(Swapped::Applied),
        Value::Int(0) => Ok(Swapped::Absent),
        Value::Int(-1) => Ok(Swapped::Gone),
        _ => Err(unexpected_reply("the script of replace_if answered neither a value nor a verdict")),
    }
}

/// The answer to `TIME`, in milliseconds since 1970.
pub(crate) fn time(value: Option<&Value>) -> Result<u64> {
    let parts = match value {
        Some(Value::Array(parts)) => match parts.as_slice() {
            [Value::BulkString(seconds), Value::BulkString(micros)] => number(seconds).zip(number(micros)),
            _ => None,
        },
        _ => None,
    };
    let (seconds, micros) =
        parts.ok_or_else(|| unexpected_reply("the Redis server answered TIME with no time"))?;
    Ok(seconds.saturating_mul(1000).saturating_add(micros / 1000))
}

/// A decimal number, as the layout has them.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let (first, rest) = text.split_first()?;
    rest.iter().try_fold(digit(*first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(*byte)?))
}

fn digit(byte: u8) -> Option<u64> {
    byte.is_ascii_digit().then(|| u64::from(byte - b'0'))
}
