//! Principals: the steps of a sign-in and of a logout everywhere, each a command on one key.
//!
//! A principal's sessions are listed in an index on a key of its own (`scripts/index.lua`). A session has a record
//! before it has an entry, and an entry that lives as long before it lives longer: so a missing record is one that has
//! ended, and no live session is without its entry, whichever node dies between whichever commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::join_all;
use redis::{RedisWrite as _, Value};
use session_core::{
    Access, Beyond, Cursor, Digest, Error, ErrorKind, Found, Handle, OpId, Page, Principal, Principals,
    Reason, Record, Result, Revocation, Revoked, Select, SessionLimit, SignIn, SignedIn, StoredId, Timestamp,
    throttle,
};

use crate::RedisStore;
use crate::connection::Call;
use crate::error::unexpected_reply;
use crate::record::{self, Hash, Metadata};
use crate::reply::{self, Listed, Verdict};
use crate::scripts;
use crate::store::{again, changing, duration, fields, matching, moment, times};

/// How much longer an entry lives than its session may: what a command takes from the index to the record, and how
/// far the clocks of a cluster's nodes may be apart.
const SLACK: Duration = Duration::from_secs(10);
/// How many sessions one step of a logout everywhere ends.
const STEP: usize = 1000;
/// How many commands wait for their answers at a time.
const AT_ONCE: usize = 100;

/// What the index says to a newcomer.
enum Entry {
    Entered {
        at: u64,
        victims: Vec<Handle>,
    },
    /// The limit may be reached, if these are alive.
    LookAt(Vec<Handle>),
    Revoked,
    Full,
}

#[async_trait]
impl Principals for RedisStore {
    /// Two round trips; four where the limit is reached, two more for each further thousand of sessions that reach it, and
    /// one more where it evicts.
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn> {
        let deadline = self.deadline();
        let (at, victims) = match self.enter(id.handle(), sign_in, access, deadline).await? {
            Entry::Entered { at, victims } => (at, victims),
            Entry::Revoked => return Ok(SignedIn::Revoked),
            Entry::Full | Entry::LookAt(_) => return Ok(SignedIn::Full),
        };
        self.end_members(&sign_in.principal, &victims, sign_in.op, Reason::Evicted, deadline).await?;
        let answer = self.claim(id, sign_in, at, access, deadline).await?;
        let (dropped, entered) = match answer {
            SignedIn::Applied if victims.is_empty() => return Ok(answer),
            SignedIn::Applied => (victims, None),
            // The entry is this sign-in's, unless another one has come since.
            _ => (vec![*id.handle()], Some(at)),
        };
        // What is listed without being alive goes at the next reading, too.
        drop(self.drop_entries(&sign_in.principal, &dropped, entered, deadline).await);
        Ok(answer)
    }

    /// Two round trips, the second for all records of the page.
    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found> {
        let deadline = self.deadline();
        let mut cmd = scripts::INDEX_PAGE.call(&self.keys.principal(principal), 3, 64);
        cmd.arg(page.limit);
        if let Some(cursor) = &page.after {
            let (score, member) = position(cursor)?;
            cmd.arg(member).arg(score);
        }
        let listed = self.connection.send(&again(cmd, &scripts::INDEX_PAGE), deadline).await?.value;
        let (handles, next) = listed_handles(&listed, page.limit)?;
        let mut sessions = Vec::new();
        let mut ended = Vec::new();
        for (handle, record) in handles.iter().zip(self.look_at(&handles, select, deadline).await) {
            match record? {
                Some(record) if record.principal.as_ref() == Some(principal) => {
                    sessions.push((*handle, Arc::new(record)))
                }
                // A sign-in is on its way to it.
                Some(record) if record.principal.is_none() => {}
                Some(_) | None => ended.push(*handle),
            }
        }
        if !ended.is_empty() {
            drop(self.drop_entries(principal, &ended, None, deadline).await);
        }
        Ok(Found::new(sessions, next))
    }

    async fn count(&self, principal: &Principal) -> Result<usize> {
        let mut cmd = scripts::INDEX_COUNT.call(&self.keys.principal(principal), 1, 8);
        duration(&mut cmd, Some(SLACK));
        match self.value(again(cmd, &scripts::INDEX_COUNT)).await? {
            Value::Int(count) => Ok(usize::try_from(count).unwrap_or(0)),
            _ => Err(unexpected_reply("the script of count answered no number")),
        }
    }

    /// Up to a thousand sessions a step, a hundred at a time.
    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked> {
        let deadline = self.deadline();
        let mut cmd = scripts::INDEX_REVOKE.call(&self.keys.principal(principal), 4, 64);
        moment(&mut cmd, revocation.at.map(Timestamp::as_millis));
        duration(&mut cmd, Some(revocation.remember).filter(|remember| *remember < Duration::MAX));
        let kept = revocation.keep.map(|handle| handle.to_string());
        cmd.arg(kept.unwrap_or_default()).arg(STEP);
        let value =
            self.connection.send(&again(cmd, &scripts::INDEX_REVOKE).durable(), deadline).await?.value;
        let (at, listed) = time_and_rest(&value)?;
        let handles = handles(listed)?;
        let ended = self.end_members(principal, &handles, revocation.op, Reason::Revoked, deadline).await?;
        self.drop_entries(principal, &handles, None, deadline).await?;
        Ok(Revoked::new(Timestamp::from_millis(at), ended, handles.len() == STEP))
    }
}

impl RedisStore {
    /// The first step of a sign-in: the principal's index lets it in, or says why not.
    async fn enter(
        &self,
        handle: &Handle,
        sign_in: &SignIn,
        access: Access,
        deadline: Instant,
    ) -> Result<Entry> {
        let asked = Instant::now();
        let mut alive = 0;
        loop {
            let entry = self.enroll(handle, sign_in, access.later(asked.elapsed()), alive, deadline).await?;
            let Entry::LookAt(handles) = entry else { return Ok(entry) };
            // A session that ended while its node died must not count.
            let records = self.look_at(&handles, Select::Metadata, deadline).await;
            let mut ended = Vec::new();
            for (handle, record) in handles.into_iter().zip(records) {
                match record? {
                    Some(_) => alive += 1,
                    None => ended.push(handle),
                }
            }
            if !ended.is_empty() {
                self.drop_entries(&sign_in.principal, &ended, None, deadline).await?;
            }
        }
    }

    async fn enroll(
        &self,
        handle: &Handle,
        sign_in: &SignIn,
        access: Access,
        alive: usize,
        deadline: Instant,
    ) -> Result<Entry> {
        let mut cmd = scripts::INDEX_ENROLL.call(&self.keys.principal(&sign_in.principal), 6, 80);
        cmd.arg(handle.to_string()).arg(access.age_millis());
        duration(&mut cmd, entry_life(sign_in, access));
        match &sign_in.limit {
            Some(limit) => cmd.arg(limit.max()).arg(whom(limit)),
            None => cmd.arg("").arg(""),
        };
        cmd.arg(alive);
        let asked = Instant::now();
        let value =
            self.connection.send(&again(cmd, &scripts::INDEX_ENROLL).durable(), deadline).await?.value;
        // The command itself was under way for a while: the request may have arrived earlier than it said.
        let access = access.later(asked.elapsed());
        match &value {
            Value::Int(0) => Ok(Entry::Revoked),
            Value::Int(-1) => Ok(Entry::Full),
            Value::Array(parts) if matches!(parts.first(), Some(Value::Int(-1))) => {
                Ok(Entry::LookAt(handles(parts.get(1..).unwrap_or_default())?))
            }
            value => {
                let (at, rest) = time_and_rest(value)?;
                let (revoked, victims) = rest.split_first().ok_or_else(unreadable)?;
                let revoked = Timestamp::from_millis(time(revoked).ok_or_else(unreadable)?);
                if access.is_over_its_head(revoked, Duration::ZERO, Timestamp::from_millis(at)) {
                    self.drop_entries(&sign_in.principal, &[*handle], Some(at), deadline).await?;
                    return Ok(Entry::Revoked);
                }
                Ok(Entry::Entered { at, victims: handles(victims)? })
            }
        }
    }

    /// The step that makes the session the principal's.
    async fn claim(
        &self,
        id: &StoredId,
        sign_in: &SignIn,
        at: u64,
        access: Access,
        deadline: Instant,
    ) -> Result<SignedIn> {
        let script = self.form(&scripts::SIGN_IN);
        let life = entry_life(sign_in, access);
        let cap = life.map_or(Timestamp::NEVER, |life| Timestamp::from_millis(at).saturating_add(life));
        let mut cmd = changing(script, &self.keys.session(id.handle()), id, &sign_in.changes, access);
        times(&mut cmd, &sign_in.changes, access, Some(cap.as_millis()));
        let principal = format!("{at} {}", sign_in.principal);
        fields(&mut cmd, Some((&sign_in.new, Some(&principal))), &sign_in.changes);
        self.ask(&mut cmd, None);
        self.expect_retimed(id, &sign_in.changes, deadline).await?;
        self.expect_soon(id.handle(), deadline).await;
        let call = again(cmd, script).durable();
        let (verdict, untold) = self.told_by(call, id.handle(), deadline).await?;
        self.tell(untold, deadline).await;
        Ok(reply::signed_in(&verdict))
    }

    /// Ends sessions of the principal, and says how many there were to end.
    async fn end_members(
        &self,
        principal: &Principal,
        handles: &[Handle],
        op: OpId,
        reason: Reason,
        deadline: Instant,
    ) -> Result<usize> {
        let mut ended = 0;
        for some in handles.chunks(AT_ONCE) {
            let ends =
                some.iter().map(|handle| self.end_member(principal, handle, op.as_bytes(), reason, deadline));
            for verdict in join_all(ends).await {
                ended += usize::from(!matches!(verdict?, Verdict::Absent));
            }
        }
        Ok(ended)
    }

    async fn end_member(
        &self,
        principal: &Principal,
        handle: &Handle,
        op: &[u8; 16],
        reason: Reason,
        deadline: Instant,
    ) -> Result<Verdict> {
        let name = principal.as_str();
        let script = self.form(&scripts::END_MEMBER);
        let mut cmd = script.call(&self.keys.session(handle), 2, 16 + name.len());
        cmd.write_arg(op);
        cmd.arg(name);
        self.ask(&mut cmd, Some(reason));
        self.expect_soon(handle, deadline).await;
        let (verdict, untold) = self.told_by(again(cmd, script).durable(), handle, deadline).await?;
        self.tell(untold, deadline).await;
        Ok(verdict)
    }

    /// The records under these handles that are alive.
    async fn look_at(
        &self,
        handles: &[Handle],
        select: Select<'_>,
        deadline: Instant,
    ) -> Vec<Result<Option<Record>>> {
        let mut records = Vec::with_capacity(handles.len());
        for some in handles.chunks(AT_ONCE) {
            records
                .extend(join_all(some.iter().map(|handle| self.look_at_one(handle, select, deadline))).await);
        }
        records
    }

    async fn look_at_one(
        &self,
        handle: &Handle,
        select: Select<'_>,
        deadline: Instant,
    ) -> Result<Option<Record>> {
        let part = Metadata::Usual;
        let cmd = record::read(&self.keys.session(handle), select, part);
        let answer = self.connection.send(&Call::command(cmd).again(), deadline).await?;
        let now = answer.now();
        Hash::decode(answer.value, select, part)?.alive(now)
    }

    /// Takes ended sessions out of the index; with `entered`, only what entered then.
    async fn drop_entries(
        &self,
        principal: &Principal,
        handles: &[Handle],
        entered: Option<u64>,
        deadline: Instant,
    ) -> Result<()> {
        let bytes = 16 + Handle::TEXT_LEN * handles.len();
        let mut cmd = scripts::INDEX_DROP.call(&self.keys.principal(principal), 1 + handles.len(), bytes);
        moment(&mut cmd, entered);
        for handle in handles {
            cmd.arg(handle.to_string());
        }
        self.connection.send(&again(cmd, &scripts::INDEX_DROP), deadline).await?;
        Ok(())
    }

    /// Notes a session's use; the end of a principal's session moves up to `cap`, if that is said.
    pub(crate) async fn touch_up_to(
        &self,
        id: &StoredId,
        access: Access,
        cap: Option<u64>,
        deadline: Instant,
    ) -> Result<Verdict> {
        let script = self.form(&scripts::TOUCH);
        let mut cmd = matching(script, &self.keys.session(id.handle()), id, access, 2, 24);
        cmd.arg(access.touch_millis());
        moment(&mut cmd, cap);
        self.verdict_by(again(cmd, script), deadline).await
    }

    /// Moves the end of a principal's session that could not move before its entry in the index; or ends it, if the
    /// index knows that it is not to go on. Two round trips, once in a throttle. Like any touch it fails without a
    /// trace: the next one does it.
    pub(crate) async fn relist(
        &self,
        verdict: Verdict,
        id: &StoredId,
        digest: &Digest,
        access: Access,
        deadline: Instant,
    ) {
        if let Verdict::Listed(listed) = verdict {
            // Boxed, because it hardly ever happens: it would make the futures of all writes larger.
            Box::pin(self.relist_entry(listed, id, digest, access, deadline)).await;
        }
    }

    async fn relist_entry(
        &self,
        listed: Listed,
        id: &StoredId,
        digest: &Digest,
        access: Access,
        deadline: Instant,
    ) {
        let Listed { until, entered, principal, .. } = listed;
        let cap = Timestamp::from_millis(until).saturating_add(SLACK).as_millis();
        let mut cmd = scripts::INDEX_EXTEND.call(&self.keys.principal(&principal), 3, 64);
        cmd.arg(id.handle().to_string()).arg(entered).arg(cap);
        let Ok(answer) = self.connection.send(&again(cmd, &scripts::INDEX_EXTEND), deadline).await else {
            return;
        };
        if answer.value == Value::Int(0) {
            // The operation that ends it is the store's own: nobody else's has the bytes of a handle.
            let own = id.handle().as_bytes();
            if self.end_member(&principal, id.handle(), own, Reason::Revoked, deadline).await.is_ok() {
                drop(self.drop_entries(&principal, &[*id.handle()], None, deadline).await);
            }
            return;
        }
        let id = StoredId::new(*id.handle(), *digest);
        drop(self.touch_up_to(&id, access, Some(cap), deadline).await);
    }

    /// Takes a session out of its principal's index after its end. If that fails, the next reading does it.
    pub(crate) async fn delist(&self, verdict: &Verdict, handle: &Handle, deadline: Instant) {
        if let Verdict::Listed(Listed { principal, .. }) = verdict {
            drop(Box::pin(self.drop_entries(principal, &[*handle], None, deadline)).await);
        }
    }
}

/// How long the entry of a sign-in lives, if not for ever.
fn entry_life(sign_in: &SignIn, access: Access) -> Option<Duration> {
    let idle = sign_in.expiry.idle_timeout().map(|idle| idle.saturating_add(throttle(access.touch(), idle)));
    let life = idle.into_iter().chain(sign_in.expiry.absolute_timeout()).min();
    life.map(|life| life.saturating_add(SLACK))
}

fn whom(limit: &SessionLimit) -> &'static str {
    match limit.beyond() {
        Beyond::EvictOldest => "oldest",
        Beyond::EvictIdle => "idle",
        Beyond::Reject => "reject",
    }
}

/// A list that begins with a time, as the scripts of the index answer it.
fn time_and_rest(value: &Value) -> Result<(u64, &[Value])> {
    let parts = match value {
        Value::Array(parts) => parts.split_first(),
        _ => None,
    };
    parts.and_then(|(first, rest)| Some((time(first)?, rest))).ok_or_else(unreadable)
}

fn time(value: &Value) -> Option<u64> {
    match value {
        Value::Int(time) => Some(time.unsigned_abs()),
        Value::BulkString(text) => reply::number(text),
        _ => None,
    }
}

fn handles(values: &[Value]) -> Result<Vec<Handle>> {
    let names = values.iter().filter(|value| !is_note(value));
    names.map(|value| handle(value).ok_or_else(unreadable)).collect()
}

/// Members of the index that are no sessions.
fn is_note(value: &Value) -> bool {
    matches!(value, Value::BulkString(text) if text.starts_with(b"#"))
}

fn handle(value: &Value) -> Option<Handle> {
    match value {
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// The sessions of a page, and where the next one begins.
fn listed_handles(value: &Value, limit: usize) -> Result<(Vec<Handle>, Option<Cursor>)> {
    let Value::Array(pairs) = value else { return Err(unreadable()) };
    let members: Vec<Value> = pairs.iter().step_by(2).cloned().collect();
    let next = match pairs.as_slice() {
        [.., Value::BulkString(member), Value::BulkString(score)] if members.len() >= limit => {
            Some(Cursor::new([score, &b" "[..], member].concat()))
        }
        _ => None,
    };
    Ok((handles(&members)?, next))
}

fn position(cursor: &Cursor) -> Result<(&str, &str)> {
    let text = std::str::from_utf8(cursor.as_bytes()).ok();
    text.and_then(|text| text.split_once(' '))
        .ok_or_else(|| Error::new(ErrorKind::Malformed, "the cursor is not of this store"))
}

fn unreadable() -> Error {
    unexpected_reply("a principal's index is not readable")
}
