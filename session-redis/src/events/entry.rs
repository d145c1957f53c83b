//! An event as an entry of a stream, and as the scripts answer it.

use bytes::Bytes;
use redis::{Cmd, RedisWrite as _, Value};
use session_core::{EventKind, EventSettings, Handle, Principal, Result, SessionEvent, Timestamp};

use super::Untold;
use crate::error::unexpected_reply;
use crate::record::{ATTRIBUTE, attribute};
use crate::reply::{self, number};

/// Kind, handle, time and principal, then the attributes as in a record.
const KIND: &str = "k";
const HANDLE: &str = "h";
const TIME: &str = "t";
const PRINCIPAL: &str = "p";

/// About as long as the entry.
pub(super) fn bytes(event: &SessionEvent) -> usize {
    let principal = event.principal.as_ref().map_or(0, |principal| principal.as_str().len());
    let attributes = event.attributes.iter().map(|(name, value)| 4 + name.len() + value.len());
    80 + principal + attributes.sum::<usize>()
}

/// How many arguments the entry has, and these.
pub(super) fn write(cmd: &mut Cmd, event: &SessionEvent) {
    let fields = 3 + usize::from(event.principal.is_some()) + event.attributes.len();
    cmd.arg(2 * fields);
    cmd.arg(KIND).arg(event.kind.as_str());
    cmd.arg(HANDLE).arg(event.handle.to_string());
    cmd.arg(TIME).arg(event.at.as_millis());
    if let Some(principal) = &event.principal {
        cmd.arg(PRINCIPAL).arg(principal.as_str());
    }
    for (name, value) in &event.attributes {
        attribute(cmd, name);
        cmd.write_arg(value);
    }
}

/// The event of an entry. `None`: one of a kind that only a later version knows, which runs beside this one during a
/// deploy.
pub(super) fn read(fields: Value) -> Result<Option<SessionEvent>> {
    let Value::Array(fields) = fields else { return Err(unreadable()) };
    let (mut kind, mut handle, mut at, mut principal) = (None, None, None, None);
    let mut attributes = session_core::Attributes::new();
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        let (Value::BulkString(name), Value::BulkString(value)) = (name, value) else {
            return Err(unreadable());
        };
        let name = String::from_utf8(name).map_err(|_| unreadable())?;
        match name.as_str() {
            KIND => kind = Some(text(&value)?.to_owned()),
            HANDLE => handle = Some(text(&value)?.parse::<Handle>()?),
            TIME => at = number(&value).map(Timestamp::from_millis),
            PRINCIPAL => principal = Some(Principal::from(text(&value)?)),
            name => {
                if let Some(name) = name.strip_prefix(ATTRIBUTE) {
                    attributes.insert(name.into(), Bytes::from(value));
                }
            }
        }
    }
    let (Some(kind), Some(handle), Some(at)) = (kind, handle, at) else { return Err(unreadable()) };
    let Some(kind) = EventKind::from_word(&kind) else { return Ok(None) };
    let mut event = SessionEvent::new(kind, handle, at);
    event.principal = principal;
    event.attributes = attributes;
    Ok(Some(event))
}

/// The fields that a script has answered: what is untold, the principal and the chosen attributes. They are those of now,
/// for all that is untold.
pub(super) fn untold(fields: &[Value], handle: &Handle, settings: &EventSettings) -> Result<Option<Untold>> {
    let [Value::BulkString(note), principal, attributes @ ..] = fields else { return Ok(None) };
    let principal = match principal {
        Value::BulkString(field) => Some(reply::principal(field).ok_or_else(unreadable)?.1),
        _ => None,
    };
    let mut chosen = session_core::Attributes::new();
    for (name, value) in settings.names().iter().zip(attributes) {
        if let Value::BulkString(value) = value {
            chosen.insert(name.clone(), Bytes::copy_from_slice(value));
        }
    }
    let mut untold = Untold { handle: *handle, note: String::new(), events: Vec::new() };
    let mut words = text(note)?.split_ascii_whitespace();
    while let (Some(word), Some(moment)) = (words.next(), words.next()) {
        // A later version tells what it alone knows.
        let Some(kind) = EventKind::from_word(word) else { continue };
        let at = number(moment.as_bytes()).map(Timestamp::from_millis).ok_or_else(unreadable)?;
        let mut event = SessionEvent::new(kind, *handle, at);
        event.principal.clone_from(&principal);
        event.attributes.clone_from(&chosen);
        untold.events.push(event);
        untold.note += &format!("{word} {moment} ");
    }
    Ok(Some(untold).filter(|untold| !untold.events.is_empty()))
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| unreadable())
}

pub(super) fn unreadable() -> session_core::Error {
    unexpected_reply("an event of a session is not readable")
}
