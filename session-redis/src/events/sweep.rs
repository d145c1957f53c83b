//! The reaper: tells what has expired, and what nobody has told.

use std::mem;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::Value;
use session_core::{ErrorKind, Handle, OsRandom, Random as _, Result, SessionEvent, Sweep};

use super::{SHARDS, Teller, Untold, entry, warn};
use crate::RedisStore;
use crate::error::unexpected_reply;
use crate::reply::number;
use crate::scripts;

/// How many sessions are looked at together.
const BATCH: usize = 100;
/// For how long nobody else looks at them. When a node dies over them, others do after it.
const LEASE: Duration = Duration::from_secs(60);
/// As much is told by one command, unless one event is larger.
const BYTES: usize = 256 * 1024;

#[async_trait]
impl Sweep for RedisStore {
    /// Tells that sessions have expired, then removes them; the oldest first, a hundred at a time, each command about one
    /// key. What another node is at, it leaves alone.
    async fn sweep(&self, limit: usize) -> Result<usize> {
        match self.teller() {
            Some(teller) => teller.sweep(limit).await,
            None => Ok(0),
        }
    }
}

/// Sessions that are due, and until when nobody else looks at them.
struct Claim {
    shard: u8,
    lease: u64,
    handles: Vec<Handle>,
}

/// What is under a session's key.
struct Seen {
    /// It is alive until then.
    until: Option<u64>,
    untold: Option<Untold>,
}

impl Teller {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        let first = any_shard();
        let mut swept = 0;
        for shard in (0..SHARDS).map(|number| (first + number) % SHARDS) {
            while swept < limit {
                let many = BATCH.min(limit - swept);
                let claim = self.claim(shard, many).await?;
                swept += self.reap(&claim).await?;
                if claim.handles.len() < many {
                    break;
                }
            }
        }
        Ok(swept)
    }

    async fn claim(&self, shard: u8, many: usize) -> Result<Claim> {
        let mut cmd = scripts::CLAIM.call(&self.keys.expirations(shard), 2, 16);
        cmd.arg(many).arg(LEASE.as_millis().to_string());
        let value = self.send(cmd, &scripts::CLAIM, self.deadline()).await?;
        let unreadable = || unexpected_reply("the list of a namespace's expirations is not readable");
        let Value::Array(parts) = value else { return Err(unreadable()) };
        let mut texts = parts.iter().map(|part| match part {
            Value::BulkString(text) => std::str::from_utf8(text).ok(),
            _ => None,
        });
        let lease = texts.next().flatten().and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        let handles = texts.map(|text| text?.parse().ok()).collect::<Option<_>>().ok_or_else(unreadable)?;
        Ok(Claim { shard, lease, handles })
    }

    /// Tells what is untold of what was claimed, then removes what has ended, then lists the rest anew. A session that
    /// cannot be read is left for the next time, and so is everything when the server fails.
    async fn reap(&self, claim: &Claim) -> Result<usize> {
        let deadline = self.deadline();
        let looks = claim.handles.iter().map(|handle| self.look(handle, deadline));
        let (mut released, mut told, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for (handle, seen) in claim.handles.iter().zip(join_all(looks).await) {
            match seen {
                Ok(Seen { until, untold }) => {
                    released.push((handle, until));
                    if let Some(mut untold) = untold {
                        events.append(&mut untold.events);
                        told.push(untold);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Protocol => warn("cannot sweep a session", &error),
                Err(error) => return Err(error),
            }
        }
        for part in parts(events) {
            self.append(claim.shard, &part, self.deadline()).await?;
        }
        let deadline = self.deadline();
        let mut swept = 0;
        for cleared in join_all(told.iter().map(|told| self.clear(told, deadline))).await {
            swept += usize::from(cleared?);
        }
        self.release(claim, &released).await?;
        Ok(swept)
    }

    async fn look(&self, handle: &Handle, deadline: std::time::Instant) -> Result<Seen> {
        let mut cmd = scripts::LOOK.call(&self.keys.session(handle), self.fields(), 64);
        self.ask_fields(&mut cmd);
        let Value::Array(parts) = self.send(cmd, &scripts::LOOK, deadline).await? else {
            return Err(entry::unreadable());
        };
        let [Value::BulkString(until), fields @ ..] = parts.as_slice() else {
            return Err(entry::unreadable());
        };
        let until = match until.is_empty() {
            true => None,
            false => Some(number(until).ok_or_else(entry::unreadable)?),
        };
        Ok(Seen { until, untold: entry::untold(fields, handle, &self.settings)? })
    }

    async fn release(&self, claim: &Claim, released: &[(&Handle, Option<u64>)]) -> Result<()> {
        if released.is_empty() {
            return Ok(());
        }
        let key = self.keys.expirations(claim.shard);
        let mut cmd = scripts::RELEASE.call(&key, 1 + 2 * released.len(), 16 + 38 * released.len());
        cmd.arg(claim.lease);
        for (handle, until) in released {
            cmd.arg(handle.to_string());
            crate::store::moment(&mut cmd, *until);
        }
        self.send(cmd, &scripts::RELEASE, self.deadline()).await?;
        Ok(())
    }
}

/// The events in parts that are each told by one command.
fn parts(events: Vec<SessionEvent>) -> Vec<Vec<SessionEvent>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for event in events {
        let size = entry::bytes(&event);
        if bytes + size > BYTES && !part.is_empty() {
            parts.push(mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(event);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Nodes that sweep at the same time begin at different places.
fn any_shard() -> u8 {
    let mut byte = [0];
    OsRandom::default().fill(&mut byte).map_or(0, |()| byte[0] % SHARDS)
}
