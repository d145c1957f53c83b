use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Cmd, RedisWrite as _, Value};
use session_core::{
    Access, Attributes, ENDED_WINDOW, Miss, ROTATED_WINDOW, Record, Result, Select, StoredId, Timestamp,
};

use crate::error::unexpected_reply;
use crate::reply::{self, number};

/// Before an attribute's name, so that no name is taken for a field of the metadata.
pub(crate) const ATTRIBUTE: &str = "a:";

/// What most reads need of the metadata: current digest, times, principal, renewed. As few as can be: each field that
/// is asked for costs the server and the node, found or not.
const USUAL: [&str; 4] = ["d", "m", "p", "r"];
/// What it takes to judge another digest than the current one: candidate, when it was made, previous, its end,
/// superseded.
const UNUSUAL: [&str; 5] = ["n", "N", "o", "O", "s"];

/// The hash of one session, as far as it was read: its record or its tombstone.
///
/// `m` is `created last idle end expires`, in milliseconds, `-` for none; of a tombstone, which has no digest, it is
/// when the session ended. `p` is when the session entered its principal's index, and the principal's name.
#[derive(Default)]
pub(crate) struct Hash {
    digest: Option<Vec<u8>>,
    times: Option<Vec<u8>>,
    principal: Option<Vec<u8>>,
    candidate: Option<Vec<u8>>,
    made: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
    good_until: Option<Vec<u8>>,
    superseded: Option<Vec<u8>>,
    renewed: Option<Vec<u8>>,
    attributes: Attributes,
    is_whole: bool,
}

/// What a hash is to a request.
pub(crate) enum Found {
    Live(Record),
    /// Live, and the presented digest is to become the current one.
    Candidate(Record),
    Missed(Miss),
}

/// How much of the metadata a read asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    Usual,
    Whole,
}

/// The command that reads what was selected.
pub(crate) fn read(key: &str, select: Select<'_>, part: Metadata) -> Cmd {
    let names: &[&str] = match select {
        Select::All => {
            let mut cmd = Cmd::with_capacity(2, 7 + key.len());
            cmd.arg("HGETALL").arg(key);
            return cmd;
        }
        Select::Only(names) => names,
        Select::Metadata => &[],
    };
    let bytes: usize = names.iter().map(|name| ATTRIBUTE.len() + name.len()).sum();
    let mut cmd = Cmd::with_capacity(2 + 9 + names.len(), 5 + key.len() + 9 + bytes);
    cmd.arg("HMGET").arg(key).arg(&USUAL);
    if part == Metadata::Whole {
        cmd.arg(&UNUSUAL);
    }
    for name in names {
        attribute(&mut cmd, name);
    }
    cmd
}

/// Adds an attribute's field to a command.
pub(crate) fn attribute(cmd: &mut Cmd, name: &str) {
    cmd.write_arg_fmt(format_args!("{ATTRIBUTE}{name}"));
}

impl Hash {
    /// What the server answered to [`read`].
    pub(crate) fn decode(value: Value, select: Select<'_>, part: Metadata) -> Result<Self> {
        let Value::Array(values) = value else {
            return Err(unexpected_reply("the Redis server answered a read with no list"));
        };
        let is_whole = part == Metadata::Whole || select == Select::All;
        let mut hash = Self { is_whole, ..Self::default() };
        let mut values = values.into_iter();
        match select {
            Select::All => {
                while let (Some(field), Some(value)) = (values.next(), values.next()) {
                    let field =
                        text(field)?.ok_or_else(|| unexpected_reply("a field of a session has no name"))?;
                    hash.set(&field, text(value)?)?;
                }
            }
            Select::Only(_) | Select::Metadata => {
                let unusual: &[&str] = if is_whole { &UNUSUAL } else { &[] };
                for field in USUAL.iter().chain(unusual) {
                    hash.set(field.as_bytes(), text(values.next().unwrap_or_default())?)?;
                }
                if let Select::Only(names) = select {
                    for (name, value) in names.iter().zip(values) {
                        if let Some(value) = text(value)? {
                            hash.attributes.insert(Arc::from(*name), Bytes::from(value));
                        }
                    }
                }
            }
        }
        Ok(hash)
    }

    fn set(&mut self, field: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let place = match field {
            b"d" => &mut self.digest,
            b"m" => &mut self.times,
            b"p" => &mut self.principal,
            b"n" => &mut self.candidate,
            b"N" => &mut self.made,
            b"o" => &mut self.previous,
            b"O" => &mut self.good_until,
            b"s" => &mut self.superseded,
            b"r" => &mut self.renewed,
            _ => return self.set_attribute(field, value),
        };
        *place = value;
        Ok(())
    }

    /// Fields of no known kind are those of a later version: it runs beside this one during a deploy.
    fn set_attribute(&mut self, field: &[u8], value: Option<Vec<u8>>) -> Result<()> {
        let (Some(name), Some(value)) = (field.strip_prefix(ATTRIBUTE.as_bytes()), value) else {
            return Ok(());
        };
        let name =
            std::str::from_utf8(name).map_err(|_| unexpected_reply("an attribute's name is not UTF-8"))?;
        self.attributes.insert(Arc::from(name), Bytes::from(value));
        Ok(())
    }

    /// The rules of the contract, as `match.lua` has them for writes. Redis removes what has expired; the time is
    /// compared all the same, so that nothing expired is served whatever the server does.
    ///
    /// `None`: another digest is the current one, and the fields that tell what this one is were not read.
    pub(crate) fn judge(self, id: &StoredId, access: Access, now: Timestamp) -> Result<Option<Found>> {
        let Some(digest) = &self.digest else {
            return Ok(Some(Found::Missed(match &self.times {
                Some(ended) => Miss::over_head(access, moment(ended)?, ENDED_WINDOW, now),
                None => Miss::of_nothing(access),
            })));
        };
        let presented = id.digest().as_bytes().as_slice();
        if digest == presented {
            return self.live(access, now, Found::Live).map(Some);
        }
        if !self.is_whole {
            return Ok(None);
        }
        if self.candidate.as_deref() == Some(presented) {
            return self.candidate(access, now).map(Some);
        }
        if self.previous.as_deref() == Some(presented)
            && let Some(good_until) = &self.good_until
            && now < moment(good_until)?
        {
            return self.live(access, now, Found::Live).map(Some);
        }
        Ok(Some(Found::Missed(match &self.superseded {
            Some(at) => Miss::over_head(access, moment(at)?, ROTATED_WINDOW, now),
            None => Miss::Absent,
        })))
    }

    /// The record, if the session is alive, whatever its digest.
    pub(crate) fn alive(self, now: Timestamp) -> Result<Option<Record>> {
        if self.digest.is_none() {
            return Ok(None);
        }
        let record = self.into_record()?;
        Ok(Some(record).filter(|record| !record.is_expired(now)))
    }

    /// The record as it is once the candidate is the current digest.
    fn candidate(mut self, access: Access, now: Timestamp) -> Result<Found> {
        self.renewed = self.made.take();
        self.live(access, now, Found::Candidate)
    }

    fn live(self, access: Access, now: Timestamp, found: fn(Record) -> Found) -> Result<Found> {
        let record = self.into_record()?;
        Ok(if record.is_expired(now) { Found::Missed(Miss::of_nothing(access)) } else { found(record) })
    }

    fn into_record(self) -> Result<Record> {
        let times = self.times.as_deref().and_then(Times::parse);
        let times = times.ok_or_else(|| unexpected_reply("a session's times are missing or not readable"))?;
        let mut record = Record::bare(times.created, times.last_accessed, times.expires_at);
        record.idle = times.idle;
        record.end = times.end;
        if let Some(renewed) = &self.renewed {
            record.renewed_at = moment(renewed)?;
        }
        if let Some(principal) = self.principal {
            let principal = reply::principal(&principal);
            let (_, principal) =
                principal.ok_or_else(|| unexpected_reply("a session's principal is not readable"))?;
            record.principal = Some(principal);
        }
        record.attributes = self.attributes;
        Ok(record)
    }
}

struct Times {
    created: Timestamp,
    last_accessed: Timestamp,
    idle: Option<Duration>,
    end: Option<Timestamp>,
    expires_at: Timestamp,
}

impl Times {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut words = text.split(|byte| *byte == b' ');
        let mut next = || match words.next()? {
            b"-" => Some(None),
            digits => number(digits).map(Some),
        };
        Some(Self {
            created: Timestamp::from_millis(next()??),
            last_accessed: Timestamp::from_millis(next()??),
            idle: next()?.map(Duration::from_millis),
            end: next()?.map(Timestamp::from_millis),
            expires_at: Timestamp::from_millis(next()??),
        })
    }
}

fn moment(text: &[u8]) -> Result<Timestamp> {
    let millis = number(text).ok_or_else(|| unexpected_reply("a time in a session's record is no number"))?;
    Ok(Timestamp::from_millis(millis))
}

fn text(value: Value) -> Result<Option<Vec<u8>>> {
    match value {
        Value::BulkString(text) => Ok(Some(text)),
        Value::Nil => Ok(None),
        _ => Err(unexpected_reply("a field of a session is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_five_numbers_of_which_two_may_be_missing() {
        let times = Times::parse(b"5 6 - - 253402300799999").unwrap();
        assert_eq!(times.created, Timestamp::from_millis(5));
        assert_eq!((times.idle, times.end, times.expires_at), (None, None, Timestamp::NEVER));

        let longest = Times::parse(b"5 6 18446744073709551615 9 10").unwrap();
        assert_eq!(longest.idle, Some(Duration::from_millis(u64::MAX)));

        for broken in ["", "5 6 7 8", "5 - 7 8 9", "5 6 x 8 9", "5 6 7 8 -1", "5 6  8 9"] {
            assert!(Times::parse(broken.as_bytes()).is_none(), "{broken:?}");
        }
    }
}
