use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Digest, Handle, Load, Name, NewRecord, OpId, Renewed, Saved, Select, StoredId,
    Swapped, Taken, Timestamp,
};
use sqlx::{Connection as _, SqlStr, Transaction};

use super::Engine;
use crate::dialect::transactional::{Dialect, Statements};
use crate::driver::Arg;
use crate::error::{Failure, unreadable};
use crate::miss::Miss;
use crate::pool::{Connections, Lease};
use crate::row::{InTheWay, NOW, Row, column};

/// Each write is one short transaction, whose first statement locks the session's row; what follows has been decided
/// here. A read is one statement.
pub(crate) struct TransactionalEngine<D: Dialect> {
    /// Where one connection at a time writes, the others read on their own.
    reads: Option<Connections<D>>,
    writes: Connections<D>,
    statements: Statements<D>,
    time: D::Time,
    namespace: String,
}

/// A lock that took longer than this was waited for: the time has gone on since it was asked for.
const WAITED: Duration = Duration::from_millis(20);

impl<D: Dialect> TransactionalEngine<D> {
    pub(crate) fn new(
        reads: Option<Connections<D>>,
        writes: Connections<D>,
        statements: Statements<D>,
        time: D::Time,
        namespace: String,
    ) -> Self {
        Self { reads, writes, statements, time, namespace }
    }

    fn reads(&self) -> &Connections<D> {
        self.reads.as_ref().unwrap_or(&self.writes)
    }

    async fn begin<'a>(&'a self, lease: &'a mut Lease<'_, D>) -> Result<Unit<'a, D>, Failure> {
        let transaction = lease.connection()?.begin_with(self.statements.begin.clone()).await?;
        Ok(Unit { transaction, engine: self })
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
                (self.statements.load_only(names.len()), args.collect())
            }
        };
        let rows = D::rows(connection, &sql, &args).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let now = D::now(&self.time, D::int(first, NOW)?)?;
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
                    InTheWay::Dead => unit.remove_session(id.handle()).await?,
                }
            }
            let now = unit.now().await?;
            unit.insert(id.handle(), &Row::new(id, new, access, now)).await?;
            let attributes: Vec<_> = new.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
            unit.set(id.handle(), &attributes).await?;
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
                        unit.clear(id.handle()).await?;
                        unit.write(id.handle(), &Row::ended(op, now)).await?;
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
                Some((_, now)) => {
                    unit.clear(handle).await?;
                    unit.write(handle, &Row::ended(op, now)).await?;
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

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken, Failure> {
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
        op: OpId,
        access: Access,
    ) -> Result<Swapped, Failure> {
        // No save ever needs to see what happened here: the row is locked while attributes change.
        let _ = op;
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
        lease.settle(outcome).await
    }

    async fn close(&self) {
        self.writes.close().await;
        if let Some(reads) = &self.reads {
            reads.close().await;
        }
    }
}

/// A transaction. Dropped before its commit it is rolled back.
struct Unit<'a, D: Dialect> {
    transaction: Transaction<'a, D>,
    engine: &'a TransactionalEngine<D>,
}

impl<D: Dialect> Unit<'_, D> {
    async fn execute(&mut self, sql: &SqlStr, args: &[Arg<'_>]) -> Result<u64, Failure> {
        Ok(D::execute(&mut self.transaction, sql, args).await?)
    }

    /// The row under a handle, locked, and the time after that.
    async fn row(&mut self, handle: &Handle) -> Result<Option<(Row, Timestamp)>, Failure> {
        let sent = Instant::now();
        let args = [Arg::Bytes(handle.as_bytes())];
        let found = D::row(&mut self.transaction, &self.engine.statements.lock, &args).await?;
        let Some(found) = found else { return Ok(None) };
        let now = if sent.elapsed() > WAITED {
            self.now().await?
        } else {
            D::now(&self.engine.time, D::int(&found, NOW)?)?
        };
        Ok(Some((Row::decode::<D>(&found)?, now)))
    }

    /// The row that the presented id matches, locked, and the time after that.
    async fn find(
        &mut self,
        id: &StoredId,
        access: Access,
    ) -> Result<Result<(Row, Timestamp), Miss>, Failure> {
        let Some((row, now)) = self.row(id.handle()).await? else { return Ok(Err(Miss::of_nothing(access))) };
        Ok(match row.miss(id, access, now) {
            Some(miss) => Err(miss),
            None => Ok((row, now)),
        })
    }

    /// Whether the session under a handle is of another namespace.
    async fn is_foreign(&mut self, handle: &Handle) -> Result<bool, Failure> {
        let args = [Arg::Bytes(handle.as_bytes()), Arg::Text(&self.engine.namespace)];
        let row = D::row(&mut self.transaction, &self.engine.statements.foreign, &args).await?;
        Ok(row.is_some())
    }

    async fn now(&mut self) -> Result<Timestamp, Failure> {
        let row = D::row(&mut self.transaction, &self.engine.statements.now, &[]).await?;
        let answered = row.map(|row| D::int(&row, 0)).transpose()?.flatten();
        D::now(&self.engine.time, answered)
    }

    async fn insert(&mut self, handle: &Handle, row: &Row) -> Result<(), Failure> {
        let engine = self.engine;
        let args: Vec<_> = [Arg::Text(&engine.namespace)].into_iter().chain(columns(row, handle)).collect();
        match self.execute(&engine.statements.insert, &args).await {
            Ok(_) => Ok(()),
            // Another one has begun it since it was looked for.
            Err(Failure::Refused(error)) if error.kind() == session_core::ErrorKind::Conflict => {
                Err(Failure::Contended(error))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn write(&mut self, handle: &Handle, row: &Row) -> Result<(), Failure> {
        let engine = self.engine;
        self.execute(&engine.statements.write, &columns(row, handle)).await?;
        Ok(())
    }

    async fn remove_session(&mut self, handle: &Handle) -> Result<(), Failure> {
        self.clear(handle).await?;
        let sql = self.engine.statements.remove_sessions(1);
        self.execute(&sql, &[Arg::Bytes(handle.as_bytes())]).await?;
        Ok(())
    }

    /// Removes all attributes.
    async fn clear(&mut self, handle: &Handle) -> Result<(), Failure> {
        let engine = self.engine;
        self.execute(&engine.statements.clear, &[Arg::Bytes(handle.as_bytes())]).await?;
        Ok(())
    }

    async fn change(&mut self, handle: &Handle, changes: &Changes) -> Result<(), Failure> {
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        for (name, value) in &changes.attributes {
            match value {
                Some(value) => set.push((&**name, &**value)),
                None => removed.push(&**name),
            }
        }
        self.set(handle, &set).await?;
        self.remove(handle, &removed).await
    }

    async fn set(&mut self, handle: &Handle, attributes: &[(&str, &[u8])]) -> Result<(), Failure> {
        let session = Arg::Bytes(handle.as_bytes());
        for batch in attributes.chunks(D::BATCH) {
            let args = batch
                .iter()
                .flat_map(|(name, value)| [session, Arg::Bytes(name.as_bytes()), Arg::Bytes(value)]);
            let sql = self.engine.statements.set(batch.len());
            self.execute(&sql, &args.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, handle: &Handle, names: &[&str]) -> Result<(), Failure> {
        for batch in names.chunks(D::BATCH) {
            let names = batch.iter().map(|name| Arg::Bytes(name.as_bytes()));
            let args: Vec<_> = [Arg::Bytes(handle.as_bytes())].into_iter().chain(names).collect();
            let sql = self.engine.statements.remove(batch.len());
            self.execute(&sql, &args).await?;
        }
        Ok(())
    }

    async fn value(&mut self, handle: &Handle, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let args = [Arg::Bytes(handle.as_bytes()), Arg::Bytes(name.as_bytes())];
        let row = D::row(&mut self.transaction, &self.engine.statements.value, &args).await?;
        Ok(row.map(|row| D::bytes(&row, 0)).transpose()?.flatten())
    }

    async fn sweep(&mut self, limit: usize) -> Result<usize, Failure> {
        let now = self.now().await?;
        let args = [Arg::Int(column(now)), Arg::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        let dead = D::rows(&mut self.transaction, &self.engine.statements.dead, &args).await?;
        let mut locators = Vec::with_capacity(dead.len());
        for row in &dead {
            locators.push(D::bytes(row, 0)?.ok_or_else(|| unreadable("a locator is missing"))?);
        }
        for batch in locators.chunks(D::BATCH) {
            for locator in batch {
                self.execute(&self.engine.statements.clear, &[Arg::Bytes(locator)]).await?;
            }
            let args: Vec<_> = batch.iter().map(|locator| Arg::Bytes(locator)).collect();
            let sql = self.engine.statements.remove_sessions(batch.len());
            self.execute(&sql, &args).await?;
        }
        Ok(locators.len())
    }

    async fn commit(self) -> Result<(), Failure> {
        Ok(self.transaction.commit().await?)
    }
}

/// The columns in their order, then the locator.
fn columns<'a>(row: &'a Row, handle: &'a Handle) -> [Arg<'a>; 16] {
    let Row { record, current, candidate, previous, superseded_at, ended_at, last_op } = row;
    let time = |time: &Option<Timestamp>| Arg::MaybeInt(time.map(column));
    let digest = |digest: Option<&'a Digest>| Arg::MaybeBytes(digest.map(|digest| &digest.as_bytes()[..]));
    [
        digest(current.as_ref()),
        digest(candidate.as_ref().map(|candidate| &candidate.digest)),
        Arg::MaybeInt(candidate.map(|candidate| column(candidate.made_at))),
        digest(previous.as_ref().map(|previous| &previous.digest)),
        Arg::MaybeInt(previous.map(|previous| column(previous.good_until))),
        time(superseded_at),
        Arg::Int(column(record.created)),
        Arg::Int(column(record.last_accessed)),
        Arg::MaybeInt(record.idle.map(crate::row::millis)),
        time(&record.end),
        Arg::Int(column(record.expires_at)),
        Arg::Int(column(record.renewed_at)),
        Arg::MaybeBytes(record.principal.as_ref().map(|principal| principal.as_str().as_bytes())),
        time(ended_at),
        Arg::MaybeBytes(last_op.as_deref()),
        Arg::Bytes(handle.as_bytes()),
    ]
}

fn attribute_name(name: Vec<u8>) -> Result<Name, Failure> {
    let name = String::from_utf8(name).map_err(|_| unreadable("an attribute's name is not UTF-8"))?;
    Ok(name.into())
}
