//! Events: what a store that was built to tells of its sessions, each step a command on one key.
//!
//! A session is listed with the moment when a sweep is to look at it, before it begins (`<namespace>:expirations:{n}`, a
//! sorted set), and until its end is told. What happens is appended to a stream (`<namespace>:events:{n}`) after it has
//! happened; `n` is the handle's, so that a session's events keep their order and no key grows with all sessions. What
//! has expired, or was ended and is not told yet, stays under the session's key until it is told. So whichever node dies
//! between whichever commands, a sweep finds the end, and tells it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, Value};
use session_core::{EventKind, EventSettings, Handle, Result, SessionEvent};

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
/// A sweep looks at a session that is about to be ended after this, in case that the node that ends it does not get to
/// telling so. Longer than an operation takes.
const SOON: Duration = Duration::from_secs(10);

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

    /// Lists a session that is about to begin, and ends in `life` at the earliest. Without that it must not begin: its
    /// end might be told by nobody.
    pub(crate) async fn expect(
        &self,
        handle: &Handle,
        life: Option<Duration>,
        deadline: Instant,
    ) -> Result<()> {
        self.look_after(handle, life, false, deadline).await
    }

    /// A listed session is about to get another timeout: it may end earlier than it was to.
    pub(crate) async fn expect_by(
        &self,
        handle: &Handle,
        life: Option<Duration>,
        deadline: Instant,
    ) -> Result<()> {
        self.look_after(handle, life, true, deadline).await
    }

    /// A listed session is about to be ended. Nobody is kept from that: if this fails, the end is told at last when the
    /// session would have expired.
    ///
    /// A sweep that has looked at the session before must not take this back: it releases no lease in its second half,
    /// which is longer than [`SOON`].
    pub(crate) async fn expect_soon(&self, handle: &Handle, deadline: Instant) {
        if let Err(error) = self.look_after(handle, Some(SOON), true, deadline).await {
            warn("cannot prepare to tell that a session has ended", &error);
        }
    }

    async fn look_after(
        &self,
        handle: &Handle,
        wait: Option<Duration>,
        if_listed: bool,
        deadline: Instant,
    ) -> Result<()> {
        let mut cmd = scripts::EXPECT.call(&self.keys.expirations(shard(handle)), 3, 64);
        cmd.arg(handle.to_string());
        crate::store::duration(&mut cmd, wait);
        cmd.arg(if if_listed { "1" } else { "0" });
        self.send(cmd, &scripts::EXPECT, deadline).await?;
        Ok(())
    }

    /// Adds to the call of an operation what it is to tell, and why, if it is an end.
    pub(crate) fn ask(&self, cmd: &mut Cmd, why: Option<EventKind>) {
        self.ask_fields(cmd);
        cmd.arg(1 + self.settings.names().len());
        if let Some(why) = why {
            cmd.arg(why.as_str());
        }
    }

    fn ask_fields(&self, cmd: &mut Cmd) {
        cmd.arg("p");
        for name in self.settings.names() {
            attribute(cmd, name);
        }
    }

    /// What an operation has answered, and what there is to tell of it.
    pub(crate) fn open(&self, value: Value, handle: &Handle) -> Result<(Value, Option<SessionEvent>)> {
        let Value::Array(mut parts) = value else { return Ok((value, None)) };
        if parts.is_empty() {
            return Ok((Value::Nil, None));
        }
        let told = parts.split_off(1);
        let answer = parts.pop().unwrap_or_default();
        let event = if told.is_empty() { None } else { entry::told(&told, handle, &self.settings)? };
        Ok((answer, event))
    }

    /// Tells what has happened. It has happened: if telling fails, that is logged.
    pub(crate) async fn tell(&self, event: SessionEvent, deadline: Instant) -> bool {
        let told = self.append(shard(&event.handle), &[event], deadline).await;
        if let Err(error) = &told {
            warn("cannot tell what has happened to a session", error);
        }
        told.is_ok()
    }

    /// Tells that a session has ended, and forgets what was kept for that. What fails, a sweep does.
    pub(crate) async fn tell_end(&self, event: SessionEvent, deadline: Instant) {
        let handle = event.handle;
        if self.tell(event, deadline).await && self.clear(&handle, deadline).await.is_ok() {
            let mut cmd = redis::cmd("ZREM");
            cmd.arg(self.keys.expirations(shard(&handle))).arg(handle.to_string());
            drop(self.connection.send(&Call::command(cmd).again(), deadline).await);
        }
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

    /// Removes the record that has expired, or what its tombstone has kept. Answers whether it was a record.
    async fn clear(&self, handle: &Handle, deadline: Instant) -> Result<bool> {
        let mut cmd = scripts::CLEAR.call(&self.keys.session(handle), 1 + self.settings.names().len(), 64);
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
