use std::time::Duration;

use bytes::Bytes;
use session_core::{
    Attributes, Delivered, EventKind, Handle, Name, Principal, Receipt, SessionEvent, Timestamp,
};
use sqlx::SqlStr;

use super::unit::{Unit, limited};
use super::{TransactionalEngine, attribute_name};
use crate::cursor::Cursor;
use crate::dialect::transactional::{Dialect, Listed};
use crate::driver::Arg;
use crate::error::{Failure, unreadable};
use crate::key::key;
use crate::row::{column, handle, moment, principal as named};

/// How many rows of the outbox are looked at or forgotten by one statement.
const STEP: usize = 1000;
/// A group that nobody has asked for so long is forgotten.
const GROUP_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// That it is asked is noted so often.
const NOTED: Duration = Duration::from_secs(3600);
/// As many bytes of attributes are told by one statement, unless one event has more: what a server takes is limited.
const BYTES: usize = 1 << 20;

/// What is to be told of a session: whose it is, and when it happened.
pub(super) struct Happened {
    pub(super) handle: Handle,
    pub(super) principal: Option<Principal>,
    pub(super) at: Timestamp,
}

impl<D: Dialect> TransactionalEngine<D> {
    /// What is done when no session is left to be removed: principals who are no longer needed, groups that nobody asks
    /// for, events beyond those that are remembered. Some at a time, until none is left.
    pub(crate) async fn sweep_the_rest(&self) -> Result<(), Failure> {
        while self.sweep_some_of_the_rest().await? {}
        Ok(())
    }

    /// Whether more may be left.
    async fn sweep_some_of_the_rest(&self) -> Result<bool, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let mut is_more = unit.sweep_principals().await?;
            is_more |= unit.sweep_groups().await?;
            if let Some(events) = &self.events {
                is_more |= unit.trim_events(events.remembered()).await?;
            }
            unit.commit().await?;
            Ok(is_more)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    pub(super) async fn newest_event_once(&self) -> Result<Cursor, Failure> {
        let mut lease = self.reads().lease().await?;
        let outcome = self.beginning(lease.connection()?).await;
        lease.settle(outcome).await
    }

    /// After all that can be seen now. What was given a number before, and is not committed yet, is late.
    async fn beginning(&self, connection: &mut D::Connection) -> Result<Cursor, Failure> {
        let row = D::row(connection, &self.statements.events_bounds, &[]).await?;
        let newest = row.map(|row| D::int(&row, 1)).transpose()?.flatten().unwrap_or(0);
        let row = D::row(connection, &self.statements.now, &[]).await?;
        let now = self.time.now(row.map(|row| D::int(&row, 0)).transpose()?.flatten())?;
        let mut cursor = Cursor::shortly_before(newest);
        let args = [Arg::Int(cursor.after), Arg::Int(limited(STEP))];
        for row in D::rows(connection, &self.statements.new_events, &args).await? {
            cursor.passed(self.number(&row)?.0, now);
        }
        Ok(cursor)
    }

    /// What has happened after the cursor, at most `limit` events, and where the cursor is then.
    pub(super) async fn new_events_once(
        &self,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(i64, SessionEvent)>, Cursor), Failure> {
        let mut lease = self.reads().lease().await?;
        let outcome = self.read_events(lease.connection()?, cursor, limit).await;
        lease.settle(outcome).await
    }

    async fn read_events(
        &self,
        connection: &mut D::Connection,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(i64, SessionEvent)>, Cursor), Failure> {
        let row = D::row(connection, &self.statements.now, &[]).await?;
        let now = self.time.now(row.map(|row| D::int(&row, 0)).transpose()?.flatten())?;
        let mut cursor = cursor.clone();
        let mut own = Vec::new();
        let late: Vec<i64> = cursor.late().collect();
        for late in late.chunks(STEP) {
            let sql = self.statements.of(Listed::LateEvents, late.len());
            let args: Vec<_> = late.iter().map(|number| Arg::Int(*number)).collect();
            for row in D::rows(connection, &sql, &args).await? {
                let (number, is_own) = self.number(&row)?;
                if !is_own || own.len() < limit {
                    cursor.arrived(number);
                    own.extend(is_own.then_some(number));
                }
            }
        }
        cursor.give_up(now);
        // Those of other namespaces are passed by.
        while own.len() < limit {
            let args = [Arg::Int(cursor.after), Arg::Int(limited(STEP))];
            let rows = D::rows(connection, &self.statements.new_events, &args).await?;
            for row in &rows {
                let (number, is_own) = self.number(row)?;
                if is_own && own.len() == limit {
                    break;
                }
                cursor.passed(number, now);
                own.extend(is_own.then_some(number));
            }
            if rows.len() < STEP {
                break;
            }
        }
        Ok((self.events_numbered(connection, &own).await?, cursor))
    }

    fn number(&self, row: &D::Row) -> Result<(i64, bool), Failure> {
        let number = D::int(row, 0)?.ok_or_else(|| unreadable("an event has no number"))?;
        Ok((number, D::text(row, 1)?.as_deref() == Some(&*self.namespace)))
    }

    /// Those of these events that are still remembered, in their order.
    async fn events_numbered(
        &self,
        connection: &mut D::Connection,
        numbers: &[i64],
    ) -> Result<Vec<(i64, SessionEvent)>, Failure> {
        let mut events = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(D::BATCH) {
            let sql = self.statements.of(Listed::Events, numbers.len());
            let args: Vec<_> = numbers.iter().map(|number| Arg::Int(*number)).collect();
            for row in D::rows(connection, &sql, &args).await? {
                events.extend(decode::<D>(&row)?);
            }
        }
        Ok(events)
    }

    pub(super) async fn begin_group_once(&self, group: &str) -> Result<(), Failure> {
        let key = key(&self.namespace, group);
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let cursor = self.beginning(unit.connection()).await?;
            let late = cursor.encoded();
            let args = [
                Arg::Bytes(&key),
                Arg::Text(&self.namespace),
                Arg::Bytes(group.as_bytes()),
                Arg::Int(cursor.after),
                Arg::Bytes(&late),
                Arg::Int(column(unit.now().await?)),
            ];
            unit.execute(&self.statements.begin_group, &args).await?;
            unit.commit().await
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    pub(super) async fn next_of_group_once(
        &self,
        group: &str,
        limit: usize,
    ) -> Result<Vec<Delivered>, Failure> {
        let key = key(&self.namespace, group);
        match self.something_waits(&key).await? {
            Some(true) => {}
            Some(false) => return Ok(Vec::new()),
            // It was forgotten: nobody had asked for it for long.
            None => {
                self.begin_group_once(group).await?;
                return Ok(Vec::new());
            }
        }
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let delivered = unit.next_of_group(&key, limit).await?;
            unit.commit().await?;
            Ok(delivered)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    /// One look, so that a group that has nothing to do locks and writes nothing. `None`: there is no such group.
    async fn something_waits(&self, key: &[u8; 16]) -> Result<Option<bool>, Failure> {
        let mut lease = self.reads().lease().await?;
        let args = [Arg::Bytes(key), Arg::Bytes(key)];
        let outcome = D::row(lease.connection()?, &self.statements.look_group, &args).await;
        let Some(row) = lease.settle(outcome.map_err(Failure::from)).await? else { return Ok(None) };
        let after = D::int(&row, 0)?.unwrap_or(0);
        let is_late = D::bytes(&row, 1)?.is_some_and(|late| !late.is_empty());
        let newest = D::int(&row, 2)?.unwrap_or(0);
        let now = self.time.now(D::int(&row, 5)?)?;
        let is_due = D::int(&row, 3)?.is_some_and(|handed_out| moment(handed_out) <= self.due(now));
        Ok(Some(newest > after || is_late || is_due || is_to_be_noted(D::int(&row, 4)?, now)))
    }

    /// What was handed out before this is handed out again.
    fn due(&self, now: Timestamp) -> Timestamp {
        let again_after = self.events.as_ref().map(session_core::EventSettings::handed_out_again_after);
        now.saturating_sub(again_after.unwrap_or_default())
    }

    pub(super) async fn acknowledge_once(&self, group: &str, heard: &[Receipt]) -> Result<(), Failure> {
        let key = key(&self.namespace, group);
        // One that is no number is none of this store's.
        let numbers: Vec<i64> = heard.iter().filter_map(|receipt| receipt.as_str().parse().ok()).collect();
        let mut lease = self.writes.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            for numbers in numbers.chunks(D::BATCH) {
                let sql = self.statements.of(Listed::Acknowledge, numbers.len());
                let numbers = numbers.iter().map(|number| Arg::Int(*number));
                let args: Vec<_> = [Arg::Bytes(&key)].into_iter().chain(numbers).collect();
                D::execute(connection, &sql, &args).await?;
            }
            Ok(())
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }
}

impl<D: Dialect> Unit<'_, D> {
    /// Tells that this happened to a session `at` some time, with its attributes as they are now.
    pub(super) async fn tell_of(
        &mut self,
        kind: EventKind,
        handle: &Handle,
        principal: Option<&Principal>,
        at: Timestamp,
    ) -> Result<(), Failure> {
        if self.engine.events.is_none() {
            return Ok(());
        }
        self.tell_of_all(kind, &[Happened { handle: *handle, principal: principal.cloned(), at }]).await
    }

    /// Tells that this happened to sessions. Some at a time: a statement for each of a thousand would take longer than an
    /// operation may.
    pub(super) async fn tell_of_all(
        &mut self,
        kind: EventKind,
        happened: &[Happened],
    ) -> Result<(), Failure> {
        let engine = self.engine;
        let Some(events) = &engine.events else { return Ok(()) };
        for batch in happened.chunks(D::BATCH) {
            let attributes = self.attributes_of(batch, events.names()).await?;
            let all: Vec<_> = batch.iter().zip(&attributes).collect();
            let size = |(_, attributes): &(&Happened, &Vec<u8>)| attributes.len();
            for part in parts(&all, BYTES, size) {
                let args = part.iter().flat_map(|(happened, attributes)| {
                    [
                        Arg::Text(&engine.namespace),
                        Arg::Text(kind.as_str()),
                        Arg::Bytes(happened.handle.as_bytes()),
                        Arg::MaybeBytes(happened.principal.as_ref().map(|whose| whose.as_str().as_bytes())),
                        Arg::Bytes(attributes),
                        Arg::Int(column(happened.at)),
                    ]
                });
                let sql = engine.statements.of(Listed::Tell, part.len());
                self.execute(&sql, &args.collect::<Vec<_>>()).await?;
            }
            self.tells = true;
        }
        Ok(())
    }

    /// The attributes of each of these sessions that events carry, as an event has them.
    async fn attributes_of(
        &mut self,
        happened: &[Happened],
        names: &[Name],
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let mut attributes = vec![Vec::new(); happened.len()];
        if names.is_empty() {
            return Ok(attributes);
        }
        let sql = self.engine.statements.values(happened.len(), names.len());
        let handles = happened.iter().map(|happened| Arg::Bytes(happened.handle.as_bytes()));
        let args = handles.chain(names.iter().map(|name| Arg::Bytes(name.as_bytes())));
        for row in self.rows(&sql, &args.collect::<Vec<_>>()).await? {
            let handle = handle(D::bytes(&row, 0)?)?;
            let session = happened.iter().position(|happened| happened.handle == handle);
            let session = session.and_then(|at| attributes.get_mut(at));
            if let (Some(session), Some(name), Some(value)) =
                (session, D::bytes(&row, 1)?, D::bytes(&row, 2)?)
            {
                push(session, &name);
                push(session, &value);
            }
        }
        Ok(attributes)
    }

    async fn next_of_group(&mut self, key: &[u8; 16], limit: usize) -> Result<Vec<Delivered>, Failure> {
        let engine = self.engine;
        let rows = self.rows(&engine.statements.lock_group, &[Arg::Bytes(key)]).await?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        let before = Cursor::decoded(D::int(row, 0)?.unwrap_or(0), &D::bytes(row, 1)?.unwrap_or_default());
        let (used_at, now) = (D::int(row, 2)?, engine.time.now(D::int(row, 3)?)?);

        let mut delivered = self.claimed_again(key, limit, now).await?;
        let room = limit - delivered.len();
        let (new, cursor) = engine.read_events(self.connection(), &before, room).await?;
        for (number, event) in new {
            let args = [Arg::Bytes(key), Arg::Int(number), Arg::Int(column(now))];
            self.execute(&engine.statements.claim, &args).await?;
            delivered.push(Delivered::new(event, Receipt::new(number.to_string())));
        }
        if cursor != before || is_to_be_noted(used_at, now) {
            let late = cursor.encoded();
            let args = [Arg::Int(cursor.after), Arg::Bytes(&late), Arg::Int(column(now)), Arg::Bytes(key)];
            self.execute(&engine.statements.move_group, &args).await?;
        }
        Ok(delivered)
    }

    /// Those that were handed out and not acknowledged for so long that they are due again.
    async fn claimed_again(
        &mut self,
        key: &[u8; 16],
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Delivered>, Failure> {
        let engine = self.engine;
        let args = [Arg::Bytes(key), Arg::Int(column(engine.due(now))), Arg::Int(limited(limit))];
        let mut due = Vec::new();
        for row in self.rows(&engine.statements.due_claims, &args).await? {
            due.push((D::int(&row, 0)?.unwrap_or(0), D::int(&row, 1)?.unwrap_or(0)));
        }
        for (number, _) in &due {
            let args = [Arg::Int(column(now)), Arg::Bytes(key), Arg::Int(*number)];
            self.execute(&engine.statements.claim_again, &args).await?;
        }
        let numbers: Vec<_> = due.iter().map(|(number, _)| *number).collect();
        let mut events = engine.events_numbered(self.connection(), &numbers).await?;
        let mut delivered = Vec::with_capacity(events.len());
        for (number, attempt) in due {
            if let Some(at) = events.iter().position(|(of, _)| *of == number) {
                let (_, event) = events.swap_remove(at);
                let mut again = Delivered::new(event, Receipt::new(number.to_string()));
                again.attempt = u32::try_from(attempt + 1).unwrap_or(u32::MAX);
                delivered.push(again);
            }
        }
        Ok(delivered)
    }

    /// Whether more may be left; so do the others.
    async fn sweep_principals(&mut self) -> Result<bool, Failure> {
        let now = self.now().await?;
        let args = [Arg::Int(column(now)), Arg::Int(limited(STEP))];
        let mut keys = Vec::new();
        for row in self.rows(&self.engine.statements.dead_principals, &args).await? {
            keys.extend(D::bytes(&row, 0)?);
        }
        self.listed(Listed::RemovePrincipals, &[], &keys).await?;
        Ok(keys.len() == STEP)
    }

    async fn sweep_groups(&mut self) -> Result<bool, Failure> {
        let unused = self.now().await?.saturating_sub(GROUP_LIFE);
        let args = [Arg::Int(column(unused)), Arg::Int(limited(STEP))];
        let mut keys = Vec::new();
        for row in self.rows(&self.engine.statements.dead_groups, &args).await? {
            keys.extend(D::bytes(&row, 0)?);
        }
        self.listed(Listed::RemoveClaims, &[], &keys).await?;
        self.listed(Listed::RemoveGroups, &[], &keys).await?;
        Ok(keys.len() == STEP)
    }

    /// Forgets the oldest events, so many that about as many are left as are to be remembered.
    async fn trim_events(&mut self, remembered: usize) -> Result<bool, Failure> {
        let statements = &self.engine.statements;
        let sql: &SqlStr = &statements.events_bounds;
        let rows = self.rows(sql, &[]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let (Some(oldest), Some(newest)) = (D::int(row, 0)?, D::int(row, 1)?) else { return Ok(false) };
        let surplus = newest - limited(remembered);
        let last = surplus.min(oldest + 10 * limited(STEP));
        if last >= oldest {
            self.execute(&statements.trim_claims, &[Arg::Int(last)]).await?;
            self.execute(&statements.trim_events, &[Arg::Int(last)]).await?;
        }
        Ok(last < surplus)
    }
}

fn is_to_be_noted(used_at: Option<i64>, now: Timestamp) -> bool {
    used_at.is_none_or(|used_at| moment(used_at) <= now.saturating_sub(NOTED))
}

/// `None`: a later version knows what it was.
fn decode<D: Dialect>(row: &D::Row) -> Result<Option<(i64, SessionEvent)>, Failure> {
    let number = D::int(row, 0)?.ok_or_else(|| unreadable("an event has no number"))?;
    let Some(kind) = D::text(row, 1)?.and_then(|word| EventKind::from_word(&word)) else { return Ok(None) };
    let at = D::int(row, 5)?.map(moment).ok_or_else(|| unreadable("an event has no time"))?;
    let mut event = SessionEvent::new(kind, handle(D::bytes(row, 2)?)?, at);
    event.principal = named(D::bytes(row, 3)?)?;
    event.attributes = attributes(D::bytes(row, 4)?.unwrap_or_default().into())?;
    Ok(Some((number, event)))
}

/// Things in parts that have so many bytes at most, or are one thing.
fn parts<T>(mut things: &[T], bytes: usize, size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut parts = Vec::new();
    while !things.is_empty() {
        let mut sum = 0_usize;
        let fit = things.iter().take_while(|thing| {
            sum = sum.saturating_add(size(thing));
            sum <= bytes
        });
        let (part, rest) = things.split_at(fit.count().max(1));
        parts.push(part);
        things = rest;
    }
    parts
}

/// Writes a text's length before it.
fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(part);
}

/// Reads names and values in turn.
fn attributes(mut bytes: Bytes) -> Result<Attributes, Failure> {
    let mut attributes = Attributes::new();
    while !bytes.is_empty() {
        let name = part(&mut bytes)?;
        let value = part(&mut bytes)?;
        attributes.insert(attribute_name(name.into())?, value);
    }
    Ok(attributes)
}

fn part(bytes: &mut Bytes) -> Result<Bytes, Failure> {
    let cut_off = || unreadable("an event's attributes are cut off");
    let length = bytes.first_chunk::<4>().copied().ok_or_else(cut_off)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| cut_off())?;
    if bytes.len() - 4 < length {
        return Err(cut_off());
    }
    let _ = bytes.split_to(4);
    Ok(bytes.split_to(length))
}
