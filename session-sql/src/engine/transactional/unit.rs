use std::time::{Duration, Instant};

use session_core::{
    Access, Changes, Digest, ErrorKind, EventKind, Handle, Miss, OpId, StoredId, TOMBSTONE_LIFE, Timestamp,
};
use sqlx::{SqlStr, Transaction};

use super::TransactionalEngine;
use super::events::Happened;
use crate::dialect::transactional::{Dialect, Listed};
use crate::driver::Arg;
use crate::error::Failure;
use crate::row::{NOW, Row, column, handle, millis, moment, principal};

/// A lock that took longer than this was waited for: the time has gone on since it was asked for.
const WAITED: Duration = Duration::from_millis(5);

/// A transaction. Dropped before its commit it is rolled back.
pub(super) struct Unit<'a, D: Dialect> {
    transaction: Transaction<'a, D>,
    pub(super) engine: &'a TransactionalEngine<D>,
    pub(super) tells: bool,
}

impl<'a, D: Dialect> Unit<'a, D> {
    pub(super) fn new(transaction: Transaction<'a, D>, engine: &'a TransactionalEngine<D>) -> Self {
        Self { transaction, engine, tells: false }
    }

    pub(super) fn connection(&mut self) -> &mut D::Connection {
        &mut self.transaction
    }

    pub(super) async fn rows(&mut self, sql: &SqlStr, args: &[Arg<'_>]) -> Result<Vec<D::Row>, Failure> {
        Ok(D::rows(&mut self.transaction, sql, args).await?)
    }

    pub(super) async fn execute(&mut self, sql: &SqlStr, args: &[Arg<'_>]) -> Result<u64, Failure> {
        Ok(D::execute(&mut self.transaction, sql, args).await?)
    }

    /// The row under a handle, locked, and the time after that.
    pub(super) async fn row(&mut self, handle: &Handle) -> Result<Option<(Row, Timestamp)>, Failure> {
        let sent = Instant::now();
        let args = [Arg::Bytes(handle.as_bytes())];
        let found = D::row(&mut self.transaction, &self.engine.statements.lock, &args).await?;
        let Some(found) = found else { return Ok(None) };
        let now = if sent.elapsed() > WAITED {
            self.now().await?
        } else {
            self.engine.time.now(D::int(&found, NOW)?)?
        };
        Ok(Some((Row::decode::<D>(&found)?, now)))
    }

    /// The row that the presented id matches, locked, and the time after that.
    pub(super) async fn find(
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
    pub(super) async fn is_foreign(&mut self, handle: &Handle) -> Result<bool, Failure> {
        let args = [Arg::Bytes(handle.as_bytes()), Arg::Text(&self.engine.namespace)];
        let row = D::row(&mut self.transaction, &self.engine.statements.foreign, &args).await?;
        Ok(row.is_some())
    }

    pub(super) async fn now(&mut self) -> Result<Timestamp, Failure> {
        let row = D::row(&mut self.transaction, &self.engine.statements.now, &[]).await?;
        let answered = row.map(|row| D::int(&row, 0)).transpose()?.flatten();
        self.engine.time.now(answered)
    }

    pub(super) async fn insert(&mut self, handle: &Handle, row: &Row) -> Result<(), Failure> {
        let engine = self.engine;
        let args: Vec<_> = [Arg::Text(&engine.namespace)].into_iter().chain(columns(row, handle)).collect();
        match self.execute(&engine.statements.insert, &args).await {
            Ok(_) => Ok(()),
            // Another one has begun it since it was looked for.
            Err(Failure::Refused(error)) if error.kind() == ErrorKind::Conflict => {
                Err(Failure::Contended(error))
            }
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn write(&mut self, handle: &Handle, row: &Row) -> Result<(), Failure> {
        let engine = self.engine;
        self.execute(&engine.statements.write, &columns(row, handle)).await?;
        Ok(())
    }

    /// Removes a session that has expired and was not swept yet, or an outlived tombstone.
    pub(super) async fn bury(&mut self, handle: &Handle, row: &Row) -> Result<(), Failure> {
        if row.ended_at.is_none() {
            let (whose, at) = (row.record.principal.as_ref(), row.record.expires_at);
            self.tell_of(EventKind::Expired, handle, whose, at).await?;
        }
        self.listed(Listed::Clear, &[], &[handle.as_bytes()]).await?;
        self.listed(Listed::RemoveSessions, &[], &[handle.as_bytes()]).await
    }

    /// Leaves tombstones of these sessions, which are locked.
    pub(super) async fn end(
        &mut self,
        locators: &[&[u8; 16]],
        op: OpId,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let locators: Vec<&[u8]> = locators.iter().map(|locator| locator.as_slice()).collect();
        self.listed(Listed::Clear, &[], &locators).await?;
        let (ended, outlived) = (column(now), column(now.saturating_add(TOMBSTONE_LIFE)));
        let args = [Arg::Int(ended), Arg::Int(outlived), Arg::Bytes(op.as_bytes())];
        self.listed(Listed::End, &args, &locators).await
    }

    /// Runs a statement over all of these, some at a time.
    pub(super) async fn listed<B: AsRef<[u8]> + Sync>(
        &mut self,
        listed: Listed,
        args: &[Arg<'_>],
        things: &[B],
    ) -> Result<(), Failure> {
        for batch in things.chunks(D::BATCH) {
            let sql = self.engine.statements.of(listed, batch.len());
            let things = batch.iter().map(|thing| Arg::Bytes(thing.as_ref()));
            let args: Vec<_> = args.iter().copied().chain(things).collect();
            self.execute(&sql, &args).await?;
        }
        Ok(())
    }

    pub(super) async fn change(&mut self, handle: &Handle, changes: &Changes) -> Result<(), Failure> {
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

    pub(super) async fn set(&mut self, handle: &Handle, attributes: &[(&str, &[u8])]) -> Result<(), Failure> {
        let session = Arg::Bytes(handle.as_bytes());
        for batch in attributes.chunks(D::BATCH) {
            let args = batch
                .iter()
                .flat_map(|(name, value)| [session, Arg::Bytes(name.as_bytes()), Arg::Bytes(value)]);
            let sql = self.engine.statements.of(Listed::Set, batch.len());
            self.execute(&sql, &args.collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self, handle: &Handle, names: &[&str]) -> Result<(), Failure> {
        self.listed(Listed::Remove, &[Arg::Bytes(handle.as_bytes())], names).await
    }

    pub(super) async fn value(&mut self, handle: &Handle, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let args = [Arg::Bytes(handle.as_bytes()), Arg::Bytes(name.as_bytes())];
        let row = D::row(&mut self.transaction, &self.engine.statements.value, &args).await?;
        Ok(row.map(|row| D::bytes(&row, 0)).transpose()?.flatten())
    }

    pub(super) async fn sweep(&mut self, limit: usize) -> Result<usize, Failure> {
        let now = self.now().await?;
        let args = [Arg::Text(&self.engine.namespace), Arg::Int(column(now)), Arg::Int(limited(limit))];
        let dead = self.rows(&self.engine.statements.dead, &args).await?;
        let (mut locators, mut expired) = (Vec::with_capacity(dead.len()), Vec::new());
        for row in &dead {
            let handle = handle(D::bytes(row, 0)?)?;
            if D::int(row, 2)?.is_none() && self.engine.events.is_some() {
                let at = D::int(row, 3)?.map_or(now, moment);
                expired.push(Happened { handle, principal: principal(D::bytes(row, 1)?)?, at });
            }
            locators.push(*handle.as_bytes());
        }
        self.tell_of_all(EventKind::Expired, &expired).await?;
        self.listed(Listed::Clear, &[], &locators).await?;
        self.listed(Listed::RemoveSessions, &[], &locators).await?;
        Ok(locators.len())
    }

    pub(super) async fn roll_back(self) -> Result<(), Failure> {
        Ok(self.transaction.rollback().await?)
    }

    pub(super) async fn commit(self) -> Result<(), Failure> {
        let committed = self.transaction.commit().await;
        if self.tells {
            self.engine.told.notify_one();
        }
        Ok(committed?)
    }
}

/// The columns in their order, then the locator.
fn columns<'a>(row: &'a Row, handle: &'a Handle) -> [Arg<'a>; 15] {
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
        Arg::MaybeInt(record.idle.map(millis)),
        time(&record.end),
        Arg::Int(column(record.expires_at)),
        Arg::Int(column(record.renewed_at)),
        time(ended_at),
        Arg::MaybeBytes(last_op.as_deref()),
        Arg::Bytes(handle.as_bytes()),
    ]
}

/// A number of rows, as a statement takes it.
pub(super) fn limited(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
