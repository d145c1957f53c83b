//! Events: what a store that was built to tells of its sessions, each step a command on one key.
//!
//! A session is listed with the moment when a sweep is to look at it, before it begins (`<namespace>:expirations:{n}`, a
//! sorted set), and until its end is told. What happens is noted under the session's key by the operation itself, then
//! appended to a stream (`<namespace>:events:{n}`), then the note is removed; `n` is the handle's, so that a session's
//! events keep their order and no key grows with all sessions. What has expired, or was ended and is not told yet, stays
//! under the session's key until it is told. So whichever node dies between whichever commands, a sweep finds what was
//! not told, and tells it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join;
use redis::{Cmd, Value};
use session_core::{EventKind, EventSettings, Handle, Result, SessionEvent, Timestamp};

use crate::connection::{Call, Connection};
use crate::keys::Keys;
use crate::record::attribute;
use crate::scripts::{self, Script};

mod entry;
mod subscription;
mod sweep;

/// Into how many keys the lists and the streams are divided. It is part of the layout: nodes that differ in it lose
/// events.
const SHARDS: u8 = 16;
/// A sweep looks at a session to which something is about to happen after this, in case that the node that does it does
/// not get to telling so. Longer than an operation takes.
const SOON: Duration = Duration::from_secs(10);

/// What has happened to a session and is not told yet.
pub(crate) struct Untold {
    handle: Handle,
    /// What the session's key says of it.
    note: String,
    events: Vec<SessionEvent>,
}

/// What tells.
pub(crate) struct Teller {
    connection: Arc<Connection>,
    keys: Arc<Keys>,
    settings: EventSettings,
}

impl Teller {
    pub(crate) fn new(connection: Arc<Connection>, keys: Arc<Keys>, settings: EventSettings) -> Arc<Self> {
        Arc::new(Self { connection, keys, settings })
    }

    pub(crate) fn settings(&self) -> &EventSettings {
        &self.settings
    }

    /// Lists a session that is about to begin. Without that it must not: its end might be told by nobody.
    pub(crate) async fn expect(&self, handle: &Handle, deadline: Instant) -> Result<()> {
        self.look_after("earlier", handle, Some(SOON), deadline).await
    }

    /// A listed session is about to get another timeout: it may end earlier than it was to.
    pub(crate) async fn expect_by(
        &self,
        handle: &Handle,
        life: Option<Duration>,
        deadline: Instant,
    ) -> Result<()> {
        self.look_after("only", handle, life, deadline).await
    }

    /// A listed session is about to be rotated or ended. Nobody is kept from that: if this fails, it may be told as late
    /// as when the session would have expired.
    ///
    /// A sweep that has looked at the session before must not take this back: it releases no lease in its second half,
    /// which is longer than [`SOON`].
    pub(crate) async fn expect_soon(&self, handle: &Handle, deadline: Instant) {
        if let Err(error) = self.look_after("only", handle, Some(SOON), deadline).await {
            warn("cannot prepare to tell what is about to happen to a session", &error);
        }
    }

    async fn look_after(
        &self,
        how: &str,
        handle: &Handle,
        wait: Option<Duration>,
        deadline: Instant,
    ) -> Result<()> {
        let mut cmd = self.listing(handle, how);
        crate::store::duration(&mut cmd, wait);
        self.send(cmd, &scripts::EXPECT, deadline).await?;
        Ok(())
    }

    fn listing(&self, handle: &Handle, how: &str) -> Cmd {
        let mut cmd = scripts::EXPECT.call(&self.keys.expirations(shard(handle)), 3, 64);
        cmd.arg(handle.to_string()).arg(how);
        cmd
    }

    /// Adds to the call of an operation what it is to tell, and why, if it is an end.
    pub(crate) fn ask(&self, cmd: &mut Cmd, why: Option<EventKind>) {
        self.ask_fields(cmd);
        cmd.arg(self.fields());
        if let Some(why) = why {
            cmd.arg(why.as_str());
        }
    }

    fn fields(&self) -> usize {
        2 + self.settings.names().len()
    }

    fn ask_fields(&self, cmd: &mut Cmd) {
        cmd.arg("u").arg("p");
        for name in self.settings.names() {
            attribute(cmd, name);
        }
    }

    /// What an operation has answered, and what there is to tell of it.
    pub(crate) fn open(&self, value: Value, handle: &Handle) -> Result<(Value, Option<Untold>)> {
        let Value::Array(mut parts) = value else { return Ok((value, None)) };
        if parts.is_empty() {
            return Ok((Value::Nil, None));
        }
        let told = parts.split_off(1);
        let answer = parts.pop().unwrap_or_default();
        Ok((answer, entry::untold(&told, handle, &self.settings)?))
    }

    /// Tells what has happened to a session, and removes the note of it. It has happened: what fails here is logged, and
    /// a sweep does it.
    pub(crate) async fn tell(&self, untold: Untold, deadline: Instant) {
        if self.is_told(&untold, deadline).await {
            let ends = untold.events.iter().any(|event| event.kind.is_end());
            let unlisted = async {
                if ends {
                    let mut cmd = redis::cmd("ZREM");
                    let list = self.keys.expirations(shard(&untold.handle));
                    cmd.arg(list).arg(untold.handle.to_string());
                    drop(self.connection.send(&Call::command(cmd).again(), deadline).await);
                }
            };
            drop(join(self.clear(&untold, deadline), unlisted).await);
        }
    }

    /// The same of a session that has begun, and lives for `life` at least: no sweep has to look at it soon.
    pub(crate) async fn tell_beginning(&self, untold: Untold, life: Option<Duration>, deadline: Instant) {
        if self.is_told(&untold, deadline).await {
            let began = untold.events.first().map(|event| event.at);
            let ends = began.zip(life).map_or(Timestamp::NEVER, |(began, life)| began.saturating_add(life));
            let mut listing = self.listing(&untold.handle, "at");
            listing.arg(ends.as_millis());
            let listed = self.send(listing, &scripts::EXPECT, deadline);
            drop(join(self.clear(&untold, deadline), listed).await);
        }
    }

    async fn is_told(&self, untold: &Untold, deadline: Instant) -> bool {
        let told = self.append(shard(&untold.handle), &untold.events, deadline).await;
        if let Err(error) = &told {
            warn("cannot tell yet what has happened to a session", error);
        }
        told.is_ok()
    }

    /// Appends events of one shard to its stream.
    async fn append(&self, shard: u8, events: &[SessionEvent], deadline: Instant) -> Result<()> {
        let bytes = events.iter().map(entry::bytes).sum::<usize>();
        let mut cmd = scripts::TELL.call(&self.keys.events(shard), 1 + 16 * events.len(), 16 + bytes);
        cmd.arg(self.settings.remembered().div_ceil(usize::from(SHARDS)));
        for event in events {
            entry::write(&mut cmd, event);
        }
        self.send(cmd, &scripts::TELL, deadline).await?;
        Ok(())
    }

    /// This was told. Removes the note of it, with the record that has expired or what its tombstone has kept for that.
    /// Answers whether it was a record.
    async fn clear(&self, untold: &Untold, deadline: Instant) -> Result<bool> {
        let key = self.keys.session(&untold.handle);
        let mut cmd = scripts::CLEAR.call(&key, 1 + self.fields(), 64 + untold.note.len());
        cmd.arg(&untold.note);
        self.ask_fields(&mut cmd);
        Ok(self.send(cmd, &scripts::CLEAR, deadline).await? == Value::Int(1))
    }

    /// All of these may be sent again: what is told twice is told at least once.
    async fn send(&self, cmd: Cmd, script: &'static Script, deadline: Instant) -> Result<Value> {
        let call = Call::script(cmd, script).again();
        Ok(self.connection.send(&call, deadline).await?.value)
    }

    fn deadline(&self) -> Instant {
        self.connection.deadline(Instant::now())
    }
}

fn shard(handle: &Handle) -> u8 {
    handle.as_bytes()[0] % SHARDS
}

#[cfg(feature = "tracing")]
fn warn(what: &'static str, error: &session_core::Error) {
    tracing::warn!(%error, "{what}");
}

#[cfg(not(feature = "tracing"))]
fn warn(_: &'static str, _: &session_core::Error) {}
