use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{Cmd, RedisWrite as _, Value};
use session_core::{
    Access, Capabilities, Changes, Created, Digest, EventKind, EventSettings, Expiry, Handle, Load,
    NewRecord, OpId, Reason, Renewal, Renewed, Result, Saved, Select, SessionStore, StoredId, Swapped, Taken,
    Timestamp,
};

use crate::RedisStoreBuilder;
use crate::check;
use crate::config::Target;
use crate::connection::{Answer, Call, Connection};
use crate::error::unexpected_reply;
use crate::events::{Teller, Untold};
use crate::keys::Keys;
use crate::record::{self, Found, Hash, Metadata, attribute};
use crate::reply::{self, Listed, Verdict};
use crate::scripts::{self, Forms, Script};

/// Keeps sessions in Redis or Valkey: in one server, in the primary that Sentinels name, or in a Cluster.
///
/// Every operation is one round trip (loading with an id that a renewal has just issued: two), answers within the
/// budget, and succeeds again as soon as the server does. While a failover is under way it waits for the new primary,
/// as long as the budget lasts. Dropping an operation's future leaves open whether the operation is carried out.
///
/// What the server acknowledged may still be lost with it: by a crash unless it runs with `appendfsync always`, by a
/// failover because replication is asynchronous. [`Durability`](crate::Durability) says what can be done about the
/// latter.
pub struct RedisStore {
    pub(crate) connection: Arc<Connection>,
    pub(crate) keys: Arc<Keys>,
    teller: Option<Arc<Teller>>,
}

impl RedisStore {
    /// The store at this URL, with the default settings of [`builder`](Self::builder). The crate's documentation has
    /// a [table of URLs](crate#urls).
    ///
    /// # Errors
    ///
    /// Those of [`RedisStoreBuilder::connect`].
    pub async fn connect(url: impl Into<String>) -> Result<Self> {
        Self::builder(url).connect().await
    }

    /// Settings for a store at this URL.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    pub(crate) async fn open(target: Target, keys: Keys, events: Option<EventSettings>) -> Result<Self> {
        let (connection, keys) = (Arc::new(Connection::open(target).await?), Arc::new(keys));
        check::all(&connection, &keys, events.is_some()).await?;
        let teller = events.map(|settings| Teller::new(Arc::clone(&connection), Arc::clone(&keys), settings));
        Ok(Self { connection, keys, teller })
    }

    /// What tells of the sessions, if the store was built to.
    pub(crate) fn teller(&self) -> Option<&Arc<Teller>> {
        self.teller.as_ref()
    }

    /// The form of an operation's script that this store needs.
    pub(crate) fn form(&self, forms: &'static Forms) -> &'static Script {
        forms.of(self.teller.is_some())
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.connection.deadline(Instant::now())
    }

    pub(crate) async fn value(&self, call: Call) -> Result<Value> {
        Ok(self.connection.send(&call, self.deadline()).await?.value)
    }

    /// A script's verdict, within the whole budget. (A function that makes its future, because the future of an
    /// `async fn` holds each argument twice.)
    pub(crate) fn verdict(&self, call: Call) -> impl Future<Output = Result<Verdict>> + Send {
        self.verdict_by(call, self.deadline())
    }

    /// A script's verdict, of which the server's time is learned.
    pub(crate) fn verdict_by(
        &self,
        call: Call,
        deadline: Instant,
    ) -> impl Future<Output = Result<Verdict>> + Send {
        let connection = &self.connection;
        async move {
            let answer = connection.send(&call, deadline).await?;
            let verdict = reply::verdict(&answer.value)?;
            learn(&answer, &verdict);
            Ok(verdict)
        }
    }

    /// The verdict of a script that answers what there is to tell, if it was asked to.
    pub(crate) async fn told_by(
        &self,
        call: Call,
        handle: &Handle,
        deadline: Instant,
    ) -> Result<(Verdict, Option<Untold>)> {
        let Some(teller) = &self.teller else { return Ok((self.verdict_by(call, deadline).await?, None)) };
        let mut answer = self.connection.send(&call, deadline).await?;
        let (value, untold) = teller.open(mem::take(&mut answer.value), handle)?;
        let verdict = reply::verdict(&value)?;
        learn(&answer, &verdict);
        Ok((verdict, untold))
    }

    /// Tells what an operation has done. Without events nothing is to be done.
    pub(crate) async fn tell(&self, untold: Option<Untold>, deadline: Instant) {
        if let (Some(teller), Some(untold)) = (&self.teller, untold) {
            Box::pin(teller.tell(untold, deadline)).await;
        }
    }

    /// A create in three steps: the session is listed, it begins, that is told.
    async fn create_telling(
        &self,
        teller: &Teller,
        call: Call,
        handle: &Handle,
        expiry: &Expiry,
    ) -> Result<Created> {
        let deadline = self.deadline();
        teller.expect(handle, deadline).await?;
        let (verdict, untold) = self.told_by(call, handle, deadline).await?;
        if let Some(untold) = untold {
            let timeouts = expiry.idle_timeout().into_iter().chain(expiry.absolute_timeout());
            teller.tell_beginning(untold, timeouts.min(), deadline).await;
        }
        reply::created(&verdict)
    }

    /// Before a session gets another timeout.
    pub(crate) async fn expect_retimed(
        &self,
        id: &StoredId,
        changes: &Changes,
        deadline: Instant,
    ) -> Result<()> {
        match &self.teller {
            Some(teller) if changes.idle.is_some() || changes.absolute.is_some() => {
                let timeouts = changes.idle.flatten().into_iter().chain(changes.absolute.flatten());
                Box::pin(teller.expect_by(id.handle(), timeouts.min(), deadline)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Before a session is rotated or ended.
    pub(crate) async fn expect_soon(&self, handle: &Handle, deadline: Instant) {
        if let Some(teller) = &self.teller {
            Box::pin(teller.expect_soon(handle, deadline)).await;
        }
    }

    /// Has a script answer what there is to tell; `why`, if it is one that ends sessions.
    pub(crate) fn ask(&self, cmd: &mut Cmd, why: Option<Reason>) {
        if let Some(teller) = &self.teller {
            teller.ask(cmd, why.map(EventKind::Deleted));
        }
    }

    /// What the hash is to the request; `None`: what was read of it does not tell.
    fn find(
        &self,
        id: &StoredId,
        select: Select<'_>,
        part: Metadata,
        access: Access,
        deadline: Instant,
    ) -> impl Future<Output = Result<(Option<Found>, Timestamp)>> + Send {
        let connection = &self.connection;
        let call = Call::command(record::read(&self.keys.session(id.handle()), select, part)).again();
        async move {
            let answer = connection.send(&call, deadline).await?;
            let now = answer.now();
            Ok((Hash::decode(answer.value, select, part)?.judge(id, access, now)?, now))
        }
    }

    /// The id that a renewal has issued was shown: from now on it is the current one.
    async fn promote(&self, id: &StoredId, access: Access, deadline: Instant) -> Result<Saved> {
        let key = self.keys.session(id.handle());
        let script = self.form(&scripts::PROMOTE);
        let call = again(matching(script, &key, id, access, 0, 0), script);
        reply::saved(&self.verdict_by(call, deadline).await?)
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        let attributes = &new.attributes;
        let key = self.keys.session(id.handle());
        let bytes: usize = attributes.iter().map(|(name, value)| 2 + name.len() + value.len()).sum();
        let script = self.form(&scripts::CREATE);
        let mut cmd = script.call(&key, 6 + 2 * attributes.len(), 64 + bytes);
        cmd.write_arg(id.digest().as_bytes());
        duration(&mut cmd, new.expiry.idle_timeout());
        duration(&mut cmd, new.expiry.absolute_timeout());
        cmd.arg(access.touch_millis());
        for (name, value) in attributes {
            attribute(&mut cmd, name);
            cmd.write_arg(value);
        }
        self.ask(&mut cmd, None);
        let call = again(cmd, script);
        match &self.teller {
            None => reply::created(&self.verdict(call).await?),
            Some(teller) => Box::pin(self.create_telling(teller, call, id.handle(), &new.expiry)).await,
        }
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        let deadline = self.deadline();
        let (mut found, mut now) = self.find(id, select, Metadata::Usual, access, deadline).await?;
        if found.is_none() {
            (found, now) = Box::pin(self.find(id, select, Metadata::Whole, access, deadline)).await?;
        }
        let record = match found {
            Some(Found::Live(record)) => record,
            Some(Found::Candidate(record)) => match Box::pin(self.promote(id, access, deadline)).await? {
                Saved::Applied => record,
                Saved::Gone => return Ok(Load::Gone),
                Saved::Absent => return Ok(Load::Absent),
            },
            Some(Found::Missed(miss)) => return Ok(miss.into()),
            None => {
                return Err(unexpected_reply("the whole metadata of a session does not tell whose it is"));
            }
        };
        Ok(Load::Live { record: Arc::new(record), now })
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        let deadline = self.deadline();
        let verdict = self.touch_up_to(id, access, None, deadline).await?;
        self.relist(verdict, id, id.digest(), access, deadline).await;
        Ok(())
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        let timed = changes.touch || changes.idle.is_some() || changes.absolute.is_some();
        let script = self.form(if timed { &scripts::SAVE_TIMES } else { &scripts::SAVE });
        let mut cmd = changing(script, &self.keys.session(id.handle()), id, changes, access);
        if timed {
            times(&mut cmd, changes, access, None);
        }
        fields(&mut cmd, None, changes);
        let deadline = self.deadline();
        self.expect_retimed(id, changes, deadline).await?;
        let verdict = self.verdict_by(once(cmd, script), deadline).await?;
        let saved = reply::saved(&verdict);
        self.relist(verdict, id, id.digest(), access, deadline).await;
        saved
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        let (handle, script, deadline) = (id.handle(), self.form(&scripts::ROTATE), self.deadline());
        let mut cmd = changing(script, &self.keys.session(handle), id, changes, access);
        times(&mut cmd, changes, access, None);
        fields(&mut cmd, Some((new, None)), changes);
        self.ask(&mut cmd, None);
        self.expect_retimed(id, changes, deadline).await?;
        self.expect_soon(handle, deadline).await;
        let (verdict, untold) = self.told_by(again(cmd, script).durable(), handle, deadline).await?;
        let saved = reply::saved(&verdict);
        self.relist(verdict, id, new, access, deadline).await;
        self.tell(untold, deadline).await;
        saved
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        let (handle, script, deadline) = (id.handle(), self.form(&scripts::DELETE), self.deadline());
        let mut cmd = matching(script, &self.keys.session(handle), id, access, 1, 16);
        cmd.write_arg(op.as_bytes());
        self.ask(&mut cmd, Some(Reason::Invalidated));
        self.expect_soon(handle, deadline).await;
        let (verdict, untold) = self.told_by(again(cmd, script).durable(), handle, deadline).await?;
        let saved = reply::saved(&verdict);
        self.delist(&verdict, handle, deadline).await;
        self.tell(untold, deadline).await;
        saved
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        let (script, deadline) = (self.form(&scripts::END), self.deadline());
        let mut cmd = script.call(&self.keys.session(handle), 1, 16);
        cmd.write_arg(op.as_bytes());
        self.ask(&mut cmd, Some(Reason::Ended));
        self.expect_soon(handle, deadline).await;
        let (verdict, untold) = self.told_by(again(cmd, script).durable(), handle, deadline).await?;
        self.delist(&verdict, handle, deadline).await;
        self.tell(untold, deadline).await;
        Ok(())
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        let key = self.keys.session(id.handle());
        let script = self.form(&scripts::TAKE);
        let mut cmd = matching(script, &key, id, access, 1, 2 + name.len());
        attribute(&mut cmd, name);
        reply::taken(self.value(once(cmd, script).durable()).await?)
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        let key = self.keys.session(id.handle());
        let bytes = 4 + name.len() + old.map_or(0, <[u8]>::len) + new.map_or(0, <[u8]>::len);
        let script = self.form(&scripts::REPLACE_IF);
        let mut cmd = matching(script, &key, id, access, 5, bytes);
        attribute(&mut cmd, name);
        for value in [old, new] {
            cmd.arg(if value.is_some() { "1" } else { "0" });
            cmd.write_arg(value.unwrap_or_default());
        }
        reply::swapped(self.value(once(cmd, script)).await?)
    }

    /// Renewal and principals. With events, a sweep, that tells what has expired; without, nothing has to be swept: Redis
    /// expires by itself.
    fn capabilities(&self) -> Capabilities<'_> {
        let offered = Capabilities::none().with_renewal(self).with_principals(self);
        if self.teller.is_some() { offered.with_events(self).with_sweep(self) } else { offered }
    }
}

#[async_trait]
impl Renewal for RedisStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        let script = self.form(&scripts::RENEW);
        let mut cmd = matching(script, &self.keys.session(id.handle()), id, access, 1, 16);
        cmd.write_arg(new.as_bytes());
        let verdict = self.verdict(again(cmd, script)).await?;
        reply::renewed(&verdict)
    }
}

/// The address without user and password.
impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("servers", &format_args!("{}", self.connection.servers()))
            .field("keys", &self.keys)
            .field("events", &self.teller().map(|teller| teller.settings()))
            .finish()
    }
}

/// Some verdicts tell the server's time.
fn learn(answer: &Answer, verdict: &Verdict) {
    if let Verdict::Done(Some(time)) | Verdict::Listed(Listed { now: time, .. }) = verdict {
        answer.tells_time(*time);
    }
}

/// A call that may be sent again after an unknown outcome: it finds its own work done.
pub(crate) fn again(cmd: Cmd, script: &'static Script) -> Call {
    Call::script(cmd, script).again()
}

/// A call that is never sent again after an unknown outcome.
pub(crate) fn once(cmd: Cmd, script: &'static Script) -> Call {
    Call::script(cmd, script)
}

/// The beginning of every script that looks for a match: digest and age.
pub(crate) fn matching(
    script: &Script,
    key: &str,
    id: &StoredId,
    access: Access,
    args: usize,
    bytes: usize,
) -> Cmd {
    let mut cmd = script.call(key, 2 + args, 16 + 6 + bytes);
    cmd.write_arg(id.digest().as_bytes());
    cmd.arg(access.age_millis());
    cmd
}

pub(crate) fn changing(script: &Script, key: &str, id: &StoredId, changes: &Changes, access: Access) -> Cmd {
    let attributes = &changes.attributes;
    let value_len = |value: &Option<_>| value.as_ref().map_or(0, Bytes::len);
    let bytes: usize = attributes.iter().map(|(name, value)| 2 + name.len() + value_len(value)).sum();
    matching(script, key, id, access, 6 + 2 * attributes.len(), 64 + bytes)
}

/// The arguments about the record's times: throttle, and what is asked for: whether a due access is noted, new
/// timeouts, and until when the end of a principal's session may move.
pub(crate) fn times(cmd: &mut Cmd, changes: &Changes, access: Access, cap: Option<u64>) {
    let touches = if changes.touch { "t" } else { "" };
    cmd.arg(access.touch_millis());
    if changes.idle.is_none() && changes.absolute.is_none() && cap.is_none() {
        cmd.arg(touches);
        return;
    }
    let word = |timeout: Option<Option<Duration>>| match timeout {
        None => String::new(),
        Some(None) => "-".to_owned(),
        Some(Some(timeout)) => millis(timeout).to_string(),
    };
    let cap = cap.map(|cap| cap.to_string()).unwrap_or_default();
    cmd.arg(format!("{touches} {} {} {cap}", word(changes.idle), word(changes.absolute)));
}

/// The fields to set, after how many arguments that takes, and those to remove. A new digest comes first, then whose
/// session it becomes.
pub(crate) fn fields(cmd: &mut Cmd, new: Option<(&Digest, Option<&str>)>, changes: &Changes) {
    let sets = changes.attributes.values().flatten().count();
    let principal = new.and_then(|(_, principal)| principal);
    cmd.arg(2 * (usize::from(new.is_some()) + usize::from(principal.is_some()) + sets));
    if let Some((digest, _)) = new {
        cmd.arg("d").write_arg(digest.as_bytes());
    }
    if let Some(principal) = principal {
        cmd.arg("p").arg(principal);
    }
    for (name, value) in &changes.attributes {
        if let Some(value) = value {
            attribute(cmd, name);
            cmd.write_arg(value);
        }
    }
    for (name, value) in &changes.attributes {
        if value.is_none() {
            attribute(cmd, name);
        }
    }
}

/// A moment in milliseconds, empty for none.
pub(crate) fn moment(cmd: &mut Cmd, moment: Option<u64>) {
    match moment {
        Some(moment) => cmd.write_arg_fmt(moment),
        None => cmd.write_arg(b""),
    }
}

pub(crate) fn duration(cmd: &mut Cmd, duration: Option<Duration>) {
    match duration {
        Some(duration) => cmd.write_arg_fmt(millis(duration)),
        None => cmd.write_arg(b"-"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
