mod events;
mod principals;
mod unit;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Delivered, Digest, EventKind, EventSettings, Found, Handle, Load, Miss, Name,
    NewRecord, OpId, Page, Principal, Reason, Receipt, Renewed, Revocation, Revoked, Saved, Select,
    SessionEvent, SignIn, SignedIn, StoredId, Swapped, Taken, Timestamp,
};
use sqlx::Connection as _;
use tokio::sync::Notify;

use super::Engine;
use crate::cursor::Cursor;
use crate::dialect::transactional::{Dialect, Listed, Statements};
use crate::driver::Arg;
use crate::error::{Failure, unreadable};
use crate::pool::{Connections, Lease};
use crate::row::{InTheWay, NOW, Row};
use crate::time::Time;
use crate::wake::Wake;
use unit::Unit;

/// Each write is one short transaction, whose first statement locks the session's row; what follows has been decided
/// here. A read is one statement.
pub(crate) struct TransactionalEngine<D: Dialect> {
    /// Where one connection at a time writes, the others read on their own.
    reads: Option<Connections<D>>,
    writes: Arc<Connections<D>>,
    statements: Statements<D>,
    time: Time,
    namespace: String,
    events: Option<EventSettings>,
    /// Notified when something was told.
    told: Arc<Notify>,
}

impl<D: Dialect> TransactionalEngine<D> {
    pub(crate) fn new(
        reads: Option<Connections<D>>,
        writes: Arc<Connections<D>>,
        statements: Statements<D>,
        time: Time,
        namespace: String,
        events: Option<EventSettings>,
    ) -> Self {
        Self { reads, writes, statements, time, namespace, events, told: Arc::default() }
    }

    /// What is notified when something was told.
    #[cfg(feature = "postgres")]
    pub(crate) fn told(&self) -> Arc<Notify> {
        Arc::clone(&self.told)
    }

    fn reads(&self) -> &Connections<D> {
        self.reads.as_ref().unwrap_or(&self.writes)
    }

    async fn begin<'a>(&'a self, lease: &'a mut Lease<'_, D>) -> Result<Unit<'a, D>, Failure> {
        let transaction = lease.connection()?.begin_with(self.statements.begin.clone()).await?;
        Ok(Unit::new(transaction, self))
    }

    /// Reads a session on a connection, with its attributes as far as they are selected, and the time.
    async fn read(
        &self,
        connection: &mut D::Connection,
        handle: &Handle,
        select: Select<'_>,
    ) -> Result<Option<(Row, Timestamp)>, Failure> {
        let locator = Arg::Bytes(handle.as_bytes());
        let (sql, args) = match select {
            Select::All => (self.statements.load_all.clone(), vec![locator]),
            Select::Metadata | Select::Only([]) => (self.statements.load_metadata.clone(), vec![locator]),
            Select::Only(names) => {
                let args = names.iter().map(|name| Arg::Bytes(name.as_bytes())).chain([locator]);
                (self.statements.of(Listed::Load, names.len()), args.collect())
            }
        };
        let rows = D::rows(connection, &sql, &args).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let now = self.time.now(D::int(first, NOW)?)?;
        let mut row = Row::decode::<D>(first)?;
        if sql != self.statements.load_metadata {
            for found in &rows {
                let (Some(name), Some(value)) = (D::bytes(found, NOW + 1)?, D::bytes(found, NOW + 2)?) else {
                    continue;
                };
                row.record.attributes.insert(attribute_name(name)?, value.into());
            }
        }
        Ok(Some((row, now)))
    }

    /// A candidate that was shown becomes the current id.
    async fn promote(&self, id: &StoredId, access: Access) -> Result<(), Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            if let Ok((mut row, now)) = unit.find(id, access).await?
                && row.shows_candidate(id.digest())
            {
                row.promote(now);
                unit.write(id.handle(), &row).await?;
            }
            unit.commit().await
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }
}

#[async_trait]
impl<D: Dialect> Engine for TransactionalEngine<D> {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            if let Some((row, now)) = unit.row(id.handle()).await? {
                match row.in_the_way(id, now) {
                    InTheWay::Answer(answer) => {
                        unit.commit().await?;
                        return answer.map_err(Failure::Refused);
                    }
                    InTheWay::Dead => unit.bury(id.handle(), &row).await?,
                }
            }
            let now = unit.now().await?;
            unit.insert(id.handle(), &Row::new(id, new, access, now)).await?;
            let attributes: Vec<_> = new.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
            unit.set(id.handle(), &attributes).await?;
            unit.tell_of(EventKind::Created, id.handle(), None, now).await?;
            unit.commit().await?;
            Ok(Created::Created)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load, Failure> {
        loop {
            let mut lease = self.reads().lease().await?;
            let outcome = self.read(lease.connection()?, id.handle(), select).await;
            let found = lease.settle(outcome).await?;
            let Some((row, now)) = found else { return Ok(Miss::of_nothing(access).into()) };
            if let Some(miss) = row.miss(id, access, now) {
                return Ok(miss.into());
            }
            if !row.shows_candidate(id.digest()) {
                return Ok(Load::Live { record: Arc::new(row.record), now });
            }
            self.promote(id, access).await?;
        }
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<(), Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            if let Ok((mut row, now)) = unit.find(id, access).await? {
                row.touch(access, now);
                unit.write(id.handle(), &row).await?;
            }
            unit.commit().await
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn save(
        &self,
        id: &StoredId,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.find(id, access).await? {
                Err(miss) => miss.into(),
                Ok((mut row, now)) => {
                    row.save(changes, op, access, now);
                    unit.write(id.handle(), &row).await?;
                    unit.change(id.handle(), changes).await?;
                    Saved::Applied
                }
            };
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn was_saved(&self, id: &StoredId, op: OpId) -> Result<bool, Failure> {
        let mut lease = self.reads().lease().await?;
        let outcome = self.read(lease.connection()?, id.handle(), Select::Metadata).await;
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
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.row(id.handle()).await? {
                Some((row, now)) if row.is_rotated_to(new, now) => Saved::Applied,
                None => Miss::of_nothing(access).into(),
                Some((mut row, now)) => match row.miss(id, access, now) {
                    Some(miss) => miss.into(),
                    None => {
                        row.rotate(*new, changes, op, access, now);
                        unit.write(id.handle(), &row).await?;
                        unit.change(id.handle(), changes).await?;
                        let whose = row.record.principal.as_ref();
                        unit.tell_of(EventKind::Rotated, id.handle(), whose, now).await?;
                        Saved::Applied
                    }
                },
            };
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.find(id, access).await? {
                Err(miss) => miss.into(),
                Ok((mut row, now)) => match row.renewal(id.digest(), new, access, now) {
                    Some(answer) => answer,
                    None => {
                        row.issue(*new, now);
                        unit.write(id.handle(), &row).await?;
                        Renewed::Issued
                    }
                },
            };
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.row(id.handle()).await? {
                Some((row, _)) if row.is_ended_by(op) => Saved::Applied,
                None => Miss::of_nothing(access).into(),
                Some((row, now)) => match row.miss(id, access, now) {
                    Some(miss) => miss.into(),
                    None => {
                        let whose = row.record.principal.as_ref();
                        let kind = EventKind::Deleted(Reason::Invalidated);
                        unit.tell_of(kind, id.handle(), whose, now).await?;
                        unit.end(&[id.handle().as_bytes()], op, now).await?;
                        Saved::Applied
                    }
                },
            };
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<(), Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            match unit.row(handle).await? {
                Some(_) if unit.is_foreign(handle).await? => {}
                // The first end counts, and its operation may be sent again.
                Some((row, now)) if row.is_tombstone(now) => {}
                Some((row, now)) => {
                    if let Some((kind, at)) = row.end_by_handle(now) {
                        unit.tell_of(kind, handle, row.record.principal.as_ref(), at).await?;
                    }
                    unit.end(&[handle.as_bytes()], op, now).await?;
                }
                None => {
                    let now = unit.now().await?;
                    unit.insert(handle, &Row::ended(op, now)).await?;
                }
            }
            unit.commit().await
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn take(&self, id: &StoredId, name: &str, _: OpId, access: Access) -> Result<Taken, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.find(id, access).await? {
                Err(miss) => miss.into(),
                Ok(_) => match unit.value(id.handle(), name).await? {
                    Some(value) => {
                        unit.remove(id.handle(), &[name]).await?;
                        Taken::Value(value.into())
                    }
                    None => Taken::Nothing,
                },
            };
            unit.commit().await?;
            Ok(answer)
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
        _: OpId,
        access: Access,
    ) -> Result<Swapped, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = match unit.find(id, access).await? {
                Err(miss) => miss.into(),
                Ok(_) => {
                    let stored = unit.value(id.handle(), name).await?;
                    if stored.as_deref() != old {
                        Swapped::Conflict(stored.map(Into::into))
                    } else {
                        match new {
                            Some(new) => unit.set(id.handle(), &[(name, new)]).await?,
                            None => unit.remove(id.handle(), &[name]).await?,
                        }
                        Swapped::Applied
                    }
                }
            };
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    async fn sweep(&self, limit: usize) -> Result<usize, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let swept = unit.sweep(limit).await?;
            unit.commit().await?;
            Ok(swept)
        };
        let outcome = outcome.await;
        let swept = lease.settle(outcome).await?;
        if swept < limit {
            self.sweep_the_rest().await?;
        }
        Ok(swept)
    }

    async fn sign_in(
        &self,
        id: &StoredId,
        sign_in: &SignIn,
        access: Access,
        asked: Instant,
    ) -> Result<SignedIn, Failure> {
        self.sign_in_once(id, sign_in, access, asked).await
    }

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found, Failure> {
        self.find_once(principal, select, page).await
    }

    async fn count(&self, principal: &Principal) -> Result<usize, Failure> {
        self.count_once(principal).await
    }

    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked, Failure> {
        self.revoke_once(principal, revocation).await
    }

    fn events(&self) -> Option<&EventSettings> {
        self.events.as_ref()
    }

    fn wake(&self) -> Wake {
        Wake::never()
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }

    async fn newest_event(&self) -> Result<Cursor, Failure> {
        self.newest_event_once().await
    }

    async fn new_events(
        &self,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(i64, SessionEvent)>, Cursor), Failure> {
        self.new_events_once(cursor, limit).await
    }

    async fn begin_group(&self, group: &str) -> Result<(), Failure> {
        self.begin_group_once(group).await
    }

    async fn next_of_group(&self, group: &str, limit: usize) -> Result<Vec<Delivered>, Failure> {
        self.next_of_group_once(group, limit).await
    }

    async fn acknowledge(&self, group: &str, heard: &[Receipt]) -> Result<(), Failure> {
        self.acknowledge_once(group, heard).await
    }

    async fn close(&self) {
        self.writes.close().await;
        if let Some(reads) = &self.reads {
            reads.close().await;
        }
    }
}

fn attribute_name(name: Vec<u8>) -> Result<Name, Failure> {
    let name = String::from_utf8(name).map_err(|_| unreadable("an attribute's name is not UTF-8"))?;
    Ok(name.into())
}
