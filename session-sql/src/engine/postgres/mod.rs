//! PostgreSQL, statement by statement.

mod batches;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use session_core::{
    Access, Attributes, Changes, Created, Delivered, Digest, EventSettings, Found, Handle, Load, Miss, Name,
    NewRecord, OpId, Page, Principal, Receipt, Record, Renewed, Revocation, Revoked, Saved, Select,
    SessionEvent, SignIn, SignedIn, StoredId, Swapped, Taken, Timestamp,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, SqlStr};

use self::batches::{Creates, Loads};
use super::Engine;
use super::transactional::TransactionalEngine;
use crate::batch::Batches;
use crate::cursor::Cursor;
use crate::dialect::Tables;
use crate::dialect::postgres::{Setting, Statements};
use crate::dialect::transactional;
use crate::driver::{Arg, Driver as _};
use crate::error::{Failure, unreadable};
use crate::notify::Notifications;
use crate::pool::Connections;
use crate::row::{InTheWay, NOW, Row, millis, moment};
use crate::time::Time;
use crate::wake::Wake;

/// Each operation is one statement, which changes nothing where the presented id does not match. Only then a second
/// one looks why; when that finds a match after all, because things have changed meanwhile, the first is sent again.
///
/// What is too much for one statement are transactions: principals, and where events are on, what they tell of.
///
/// While all connections are in use, the loads that wait for one go together, and so do the creates.
pub(crate) struct PostgresEngine {
    connections: Arc<Connections<Postgres>>,
    statements: Arc<Statements>,
    namespace: Arc<str>,
    loads: Batches<Loads>,
    creates: Batches<Creates>,
    transactional: TransactionalEngine<Postgres>,
    notifications: Option<Notifications>,
}

impl PostgresEngine {
    pub(crate) fn new(
        connections: Connections<Postgres>,
        tables: &Tables,
        namespace: String,
        budget: Duration,
        events: Option<EventSettings>,
        notifies: bool,
    ) -> Self {
        let connections = Arc::new(connections);
        let statements = Arc::new(Statements::new(tables));
        let transactional = TransactionalEngine::new(
            None,
            Arc::clone(&connections),
            transactional::Statements::new(tables),
            Time::of_the_server(),
            namespace.clone(),
            events,
        );
        let notifications = (notifies && transactional.events().is_some()).then(|| {
            Notifications::start(Arc::clone(&connections), tables, &namespace, transactional.told())
        });
        let namespace: Arc<str> = namespace.into();
        let loads = Loads { statements: Arc::clone(&statements) };
        let creates = Creates { statements: Arc::clone(&statements), namespace: Arc::clone(&namespace) };
        Self {
            loads: Batches::new(loads, Arc::clone(&connections), budget),
            creates: Batches::new(creates, Arc::clone(&connections), budget),
            connections,
            statements,
            namespace,
            transactional,
            notifications,
        }
    }

    fn tells_events(&self) -> bool {
        self.transactional.events().is_some()
    }
}

#[async_trait]
impl Engine for PostgresEngine {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created, Failure> {
        if self.tells_events() {
            return self.transactional.create(id, new, access).await;
        }
        if let Some(created) = self.creates.answer(|| batches::create(id, new, access)).await {
            return Ok(created);
        }
        let (names, values): (Vec<&[u8]>, Vec<&[u8]>) =
            new.attributes.iter().map(|(name, value)| (name.as_bytes(), value.as_ref())).unzip();
        let (sql, name, value) = self.statements.create.of(&names, &values);
        let [locator, digest] = presented(id);
        let args = [
            locator,
            digest,
            Arg::Text(&self.namespace),
            name,
            value,
            Arg::MaybeInt(new.expiry.idle_timeout().map(millis)),
            Arg::MaybeInt(new.expiry.absolute_timeout().map(millis)),
            Arg::Int(millis(access.touch())),
        ];
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if Postgres::execute(connection, sql, &args).await? > 0 {
                    return Ok(Some(Created::Created));
                }
                let Some((row, now)) = self.look(connection, id.handle()).await? else { continue };
                return match row.in_the_way(id, now) {
                    InTheWay::Answer(answer) => answer.map(Some).map_err(Failure::Refused),
                    InTheWay::Dead => Ok(None),
                };
            }
        };
        let outcome = outcome.await;
        match lease.settle(outcome).await? {
            Some(answer) => Ok(answer),
            None => self.transactional.create(id, new, access).await,
        }
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load, Failure> {
        if let Some(loaded) = self.loads.answer(|| batches::load(id, select, access)).await {
            return Ok(loaded);
        }
        let mut lease = self.connections.lease().await?;
        let outcome = self.load_on(lease.connection()?, id, select, access).await;
        lease.settle(outcome).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<(), Failure> {
        let [locator, digest] = presented(id);
        let args = [locator, digest, Arg::Int(millis(access.touch()))];
        let mut lease = self.connections.lease().await?;
        let outcome = Postgres::execute(lease.connection()?, &self.statements.touch, &args).await;
        lease.settle(outcome.map(|_| ()).map_err(Failure::from)).await
    }

    async fn save(
        &self,
        id: &StoredId,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure> {
        self.change(id, None, changes, op, access).await
    }

    async fn was_saved(&self, id: &StoredId, op: OpId) -> Result<bool, Failure> {
        let mut lease = self.connections.lease().await?;
        let outcome = self.look(lease.connection()?, id.handle()).await;
        let found = lease.settle(outcome).await?;
        Ok(found.is_some_and(|(row, _)| row.is_saved_by(op)))
    }

    async fn rotate(
        &self,
        id: &StoredId,
        new: &Digest,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure> {
        if self.tells_events() {
            return self.transactional.rotate(id, new, changes, op, access).await;
        }
        self.change(id, Some(new), changes, op, access).await
    }

    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed, Failure> {
        let [locator, digest] = presented(id);
        let args = [locator, digest, Arg::Bytes(new.as_bytes()), Arg::Int(millis(access.age()))];
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if Postgres::execute(connection, &self.statements.renew, &args).await? > 0 {
                    return Ok(Renewed::Issued);
                }
                match self.find(connection, id, access).await? {
                    Err(miss) => return Ok(miss.into()),
                    Ok((row, now)) => match row.renewal(id.digest(), new, access, now) {
                        Some(answer) => return Ok(answer),
                        None => continue,
                    },
                }
            }
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved, Failure> {
        if self.tells_events() {
            return self.transactional.delete(id, op, access).await;
        }
        let [locator, digest] = presented(id);
        let args = [locator, digest, Arg::Bytes(op.as_bytes())];
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if Postgres::row(connection, &self.statements.delete, &args).await?.is_some() {
                    return Ok(Saved::Applied);
                }
                let found = self.look(connection, id.handle()).await?;
                match &found {
                    Some((row, _)) if row.is_ended_by(op) => return Ok(Saved::Applied),
                    found => match miss(found.as_ref(), id, access) {
                        Some(miss) => return Ok(miss.into()),
                        None => continue,
                    },
                }
            }
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<(), Failure> {
        if self.tells_events() {
            return self.transactional.end(handle, op).await;
        }
        let args = [Arg::Bytes(handle.as_bytes()), Arg::Text(&self.namespace), Arg::Bytes(op.as_bytes())];
        let mut lease = self.connections.lease().await?;
        let outcome = Postgres::row(lease.connection()?, &self.statements.end, &args).await;
        lease.settle(outcome.map(|_| ()).map_err(Failure::from)).await
    }

    async fn take(&self, id: &StoredId, name: &str, op: OpId, access: Access) -> Result<Taken, Failure> {
        let [locator, digest] = presented(id);
        let args = [locator, digest, Arg::Bytes(name.as_bytes()), Arg::Bytes(op.as_bytes())];
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if let Some(row) = Postgres::row(connection, &self.statements.take, &args).await? {
                    let value = Postgres::bytes(&row, 0)?;
                    return Ok(value.map_or(Taken::Nothing, |value| Taken::Value(value.into())));
                }
                if let Err(miss) = self.find(connection, id, access).await? {
                    return Ok(miss.into());
                }
            }
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        op: OpId,
        access: Access,
    ) -> Result<Swapped, Failure> {
        let Statements { replace_none, replace, remove, .. } = &*self.statements;
        let [locator, digest] = presented(id);
        let named = Arg::Bytes(name.as_bytes());
        let op = Arg::Bytes(op.as_bytes());
        let replacing: Option<(&SqlStr, Vec<Arg<'_>>)> = match (old, new) {
            (None, Some(new)) => Some((replace_none, vec![locator, digest, named, op, Arg::Bytes(new)])),
            (Some(old), Some(new)) => {
                Some((replace, vec![locator, digest, named, op, Arg::Bytes(new), Arg::Bytes(old)]))
            }
            (Some(old), None) => Some((remove, vec![locator, digest, named, op, Arg::Bytes(old)])),
            // Nothing is to be done: it is only to be seen that nothing is there.
            (None, None) => None,
        };
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if let Some((sql, args)) = &replacing
                    && Postgres::execute(connection, sql, args).await? > 0
                {
                    return Ok(Swapped::Applied);
                }
                let stored = match self.load_on(connection, id, Select::Only(&[name]), access).await? {
                    Load::Live { record, .. } => record.attributes.get(name).cloned(),
                    Load::Gone => return Ok(Swapped::Gone),
                    Load::Absent => return Ok(Swapped::Absent),
                };
                if stored.as_deref() != old {
                    return Ok(Swapped::Conflict(stored));
                }
                if replacing.is_none() {
                    return Ok(Swapped::Applied);
                }
            }
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn sweep(&self, limit: usize) -> Result<usize, Failure> {
        self.transactional.sweep(limit).await
    }

    async fn sign_in(
        &self,
        id: &StoredId,
        sign_in: &SignIn,
        access: Access,
        asked: Instant,
    ) -> Result<SignedIn, Failure> {
        self.transactional.sign_in(id, sign_in, access, asked).await
    }

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found, Failure> {
        self.transactional.find(principal, select, page).await
    }

    async fn count(&self, principal: &Principal) -> Result<usize, Failure> {
        self.transactional.count(principal).await
    }

    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked, Failure> {
        self.transactional.revoke(principal, revocation).await
    }

    fn events(&self) -> Option<&EventSettings> {
        self.transactional.events()
    }

    fn wake(&self) -> Wake {
        self.notifications.as_ref().map_or_else(Wake::never, Notifications::wake)
    }

    fn monotonic(&self) -> Duration {
        self.transactional.monotonic()
    }

    async fn newest_event(&self) -> Result<Cursor, Failure> {
        self.transactional.newest_event().await
    }

    async fn new_events(
        &self,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(i64, SessionEvent)>, Cursor), Failure> {
        self.transactional.new_events(cursor, limit).await
    }

    async fn begin_group(&self, group: &str) -> Result<(), Failure> {
        self.transactional.begin_group(group).await
    }

    async fn next_of_group(&self, group: &str, limit: usize) -> Result<Vec<Delivered>, Failure> {
        self.transactional.next_of_group(group, limit).await
    }

    async fn acknowledge(&self, group: &str, heard: &[Receipt]) -> Result<(), Failure> {
        self.transactional.acknowledge(group, heard).await
    }

    async fn close(&self) {
        self.connections.close().await;
    }
}

impl PostgresEngine {
    async fn change(
        &self,
        id: &StoredId,
        new: Option<&Digest>,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure> {
        let set = changes.attributes.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let (names, values): (Vec<&[u8]>, Vec<&[u8]>) =
            set.map(|(name, value)| (name.as_bytes(), value.as_ref())).unzip();
        let removed = changes.attributes.iter().filter(|(_, value)| value.is_none());
        let removed: Vec<&[u8]> = removed.map(|(name, _)| name.as_bytes()).collect();
        let timeout = |timeout: Option<Option<_>>| timeout.map(|timeout| timeout.map_or(-1, millis));
        let [locator, digest] = presented(id);
        let Statements { save, save_touching, save_timed, rotate, .. } = &*self.statements;
        let is_timed = changes.idle.is_some() || changes.absolute.is_some();
        let (statements, takes) = match (new, is_timed, changes.touch) {
            (Some(_), _, _) => (rotate, 11),
            (None, true, _) => (save_timed, 10),
            (None, false, true) => (save_touching, 7),
            (None, false, false) => (save, 6),
        };
        let (sql, name, value) = if removed.is_empty() {
            statements.setting.of(&names, &values)
        } else {
            (&statements.removing, Arg::List(&names), Arg::List(&values))
        };
        let args = [
            locator,
            digest,
            Arg::Bytes(op.as_bytes()),
            name,
            value,
            Arg::List(&removed),
            Arg::Int(millis(access.touch())),
            Arg::Flag(changes.touch),
            Arg::MaybeInt(timeout(changes.idle)),
            Arg::MaybeInt(timeout(changes.absolute)),
            Arg::MaybeBytes(new.map(|new| new.as_bytes().as_slice())),
        ];
        let args = &args[..takes];
        let mut lease = self.connections.lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            loop {
                if Postgres::execute(connection, sql, args).await? > 0 {
                    return Ok(Saved::Applied);
                }
                let found = self.look(connection, id.handle()).await?;
                if let (Some(new), Some((row, now))) = (new, &found)
                    && row.is_rotated_to(new, *now)
                {
                    return Ok(Saved::Applied);
                }
                if let Some(miss) = miss(found.as_ref(), id, access) {
                    return Ok(miss.into());
                }
            }
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn load_on(
        &self,
        connection: &mut PgConnection,
        id: &StoredId,
        select: Select<'_>,
        access: Access,
    ) -> Result<Load, Failure> {
        let names: Vec<&[u8]>;
        let locator = Arg::Bytes(id.handle().as_bytes());
        let (sql, args): (_, &[Arg<'_>]) = match select {
            Select::All => (&self.statements.load_all, &[locator]),
            Select::Metadata => (&self.statements.load_metadata, &[locator]),
            Select::Only([name]) => (&self.statements.load_one, &[locator, Arg::Bytes(name.as_bytes())]),
            Select::Only(only) => {
                names = only.iter().map(|name| name.as_bytes()).collect();
                (&self.statements.load_only, &[locator, Arg::List(&names)])
            }
        };
        loop {
            let found = Postgres::rows(connection, sql, args).await?;
            let (mut row, now) = match matched(found.first().map(decode).transpose()?, id, access) {
                Ok(matched) => matched,
                Err(miss) => return Ok(miss.into()),
            };
            if row.shows_candidate(id.digest()) {
                let args = presented(id);
                if Postgres::execute(connection, &self.statements.promote, &args).await? == 0 {
                    continue;
                }
                row.promote(now);
            }
            let mut record: Record = row.record;
            if select != Select::Metadata {
                record.attributes = attributes(&found)?;
            }
            return Ok(Load::Live { record: Arc::new(record), now });
        }
    }

    /// The row under a handle, and the time.
    async fn look(
        &self,
        connection: &mut PgConnection,
        handle: &Handle,
    ) -> Result<Option<(Row, Timestamp)>, Failure> {
        let args = [Arg::Bytes(handle.as_bytes())];
        let row = Postgres::row(connection, &self.statements.load_metadata, &args).await?;
        row.as_ref().map(decode).transpose()
    }

    /// The row that the presented id matches.
    async fn find(
        &self,
        connection: &mut PgConnection,
        id: &StoredId,
        access: Access,
    ) -> Result<Result<(Row, Timestamp), Miss>, Failure> {
        let found = self.look(connection, id.handle()).await?;
        Ok(matched(found, id, access))
    }
}

impl Setting {
    /// The statement that sets these, and its arguments for them.
    fn of<'a>(&self, names: &'a [&'a [u8]], values: &'a [&'a [u8]]) -> (&SqlStr, Arg<'a>, Arg<'a>) {
        match (names, values) {
            ([], _) => (&self.none, Arg::MaybeBytes(None), Arg::MaybeBytes(None)),
            ([name], [value]) => (&self.one, Arg::Bytes(name), Arg::Bytes(value)),
            _ => (&self.many, Arg::List(names), Arg::List(values)),
        }
    }
}

fn presented(id: &StoredId) -> [Arg<'_>; 2] {
    [Arg::Bytes(id.handle().as_bytes()), Arg::Bytes(id.digest().as_bytes())]
}

/// Why the presented id matches nothing; `None`: it matches what was found.
fn miss(found: Option<&(Row, Timestamp)>, id: &StoredId, access: Access) -> Option<Miss> {
    match found {
        Some((row, now)) => row.miss(id, access, *now),
        None => Some(Miss::of_nothing(access)),
    }
}

/// What was found, if the presented id matches it.
fn matched(found: Option<(Row, Timestamp)>, id: &StoredId, access: Access) -> Result<(Row, Timestamp), Miss> {
    match miss(found.as_ref(), id, access) {
        Some(miss) => Err(miss),
        None => found.ok_or_else(|| Miss::of_nothing(access)),
    }
}

fn decode(row: &PgRow) -> Result<(Row, Timestamp), Failure> {
    let now = Postgres::int(row, NOW)?.ok_or_else(|| unreadable("the time is missing"))?;
    Ok((Row::decode::<Postgres>(row)?, moment(now)))
}

/// One a row; a session without attributes has a row without one.
fn attributes(rows: &[PgRow]) -> Result<Attributes, Failure> {
    let mut attributes = Attributes::new();
    for row in rows {
        let Some(name) = Postgres::bytes(row, NOW + 1)? else { continue };
        let value = Postgres::bytes(row, NOW + 2)?.ok_or_else(|| unreadable("an attribute has no value"))?;
        attributes.insert(attribute_name(name)?, Bytes::from(value));
    }
    Ok(attributes)
}

fn attribute_name(name: Vec<u8>) -> Result<Name, Failure> {
    let name = String::from_utf8(name).map_err(|_| unreadable("an attribute's name is not UTF-8"))?;
    Ok(name.into())
}
