use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{
    Access, Beyond, Cursor as PageEnd, EventKind, Found, Handle, Miss, OpId, Page, Principal, Reason,
    Revocation, Revoked, Select, SessionLimit, SignIn, SignedIn, StoredId, TOMBSTONE_LIFE, Timestamp,
};

use super::events::Happened;
use super::unit::{Unit, limited};
use super::{TransactionalEngine, attribute_name};
use crate::dialect::transactional::{Dialect, Listed};
use crate::driver::Arg;
use crate::error::{Failure, unreadable};
use crate::key::key;
use crate::row::{NOW, Row, column, handle, moment, principal as named};

/// How many sessions one step of a revocation ends: it is to fit into a budget.
const STEP: usize = 500;

/// Each is one transaction, which locks the principal's row first and looks at sessions in later statements: one that
/// did both at once would not see whom it has waited for.
impl<D: Dialect> TransactionalEngine<D> {
    fn key(&self, principal: &Principal) -> [u8; 16] {
        key(&self.namespace, principal.as_str())
    }

    pub(super) async fn sign_in_once(
        &self,
        id: &StoredId,
        sign_in: &SignIn,
        access: Access,
        asked: Instant,
    ) -> Result<SignedIn, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = unit.sign_in(id, sign_in, access, asked).await?;
            // What was refused leaves nothing behind, not even the principal's row.
            match answer {
                SignedIn::Applied => unit.commit().await?,
                _ => unit.roll_back().await?,
            }
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    pub(super) async fn revoke_once(
        &self,
        principal: &Principal,
        revocation: &Revocation,
    ) -> Result<Revoked, Failure> {
        let mut lease = self.writes.lease().await?;
        let outcome = async {
            let mut unit = self.begin(&mut lease).await?;
            let answer = unit.revoke(&self.key(principal), revocation).await?;
            unit.commit().await?;
            Ok(answer)
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    pub(super) async fn count_once(&self, principal: &Principal) -> Result<usize, Failure> {
        let key = self.key(principal);
        let mut lease = self.reads().lease().await?;
        let connection = lease.connection()?;
        let outcome = async {
            let row = D::row(connection, &self.statements.now, &[]).await?;
            let now = self.time.now(row.map(|row| D::int(&row, 0)).transpose()?.flatten())?;
            let args = [Arg::Bytes(&key), Arg::Int(column(now))];
            let row = D::row(connection, &self.statements.count, &args).await?;
            let count = row.map(|row| D::int(&row, 0)).transpose()?.flatten();
            count
                .and_then(|count| usize::try_from(count).ok())
                .ok_or_else(|| unreadable("a count is missing"))
        };
        let outcome = outcome.await;
        lease.settle(outcome).await
    }

    pub(super) async fn find_once(
        &self,
        principal: &Principal,
        select: Select<'_>,
        page: &Page,
    ) -> Result<Found, Failure> {
        let key = self.key(principal);
        let after = page.after.as_ref().map_or(&[][..], PageEnd::as_bytes);
        // One more than asked for tells whether there is another page.
        let mut args =
            vec![Arg::Bytes(&key), Arg::Bytes(after), Arg::Int(limited(page.limit.saturating_add(1)))];
        let sql = match select {
            Select::All => self.statements.of(Listed::FindAll, 0),
            Select::Metadata | Select::Only([]) => self.statements.of(Listed::FindMetadata, 0),
            Select::Only(names) => {
                args.extend(names.iter().map(|name| Arg::Bytes(name.as_bytes())));
                self.statements.of(Listed::Find, names.len())
            }
        };
        let has_attributes = !matches!(select, Select::Metadata | Select::Only([]));
        let mut lease = self.reads().lease().await?;
        let outcome = D::rows(lease.connection()?, &sql, &args).await;
        let rows = lease.settle(outcome.map_err(Failure::from)).await?;
        let mut found: Vec<(Handle, Row)> = Vec::new();
        let mut now = Timestamp::NEVER;
        for row in &rows {
            let handle = handle(D::bytes(row, NOW + 3)?)?;
            if found.last().is_none_or(|(last, _)| *last != handle) {
                now = self.time.now(D::int(row, NOW)?)?;
                found.push((handle, Row::decode::<D>(row)?));
            }
            if has_attributes
                && let Some((_, session)) = found.last_mut()
                && let (Some(name), Some(value)) = (D::bytes(row, NOW + 1)?, D::bytes(row, NOW + 2)?)
            {
                session.record.attributes.insert(attribute_name(name)?, value.into());
            }
        }
        let more = found.len() > page.limit;
        found.truncate(page.limit);
        let next = found.last().filter(|_| more).map(|(last, _)| PageEnd::new(*last.as_bytes()));
        found.retain(|(_, row)| row.ended_at.is_none() && !row.record.is_expired(now));
        let sessions = found.into_iter().map(|(handle, row)| (handle, Arc::new(row.record)));
        Ok(Found::new(sessions.collect(), next))
    }
}

impl<D: Dialect> Unit<'_, D> {
    async fn sign_in(
        &mut self,
        id: &StoredId,
        sign_in: &SignIn,
        access: Access,
        asked: Instant,
    ) -> Result<SignedIn, Failure> {
        let key = self.engine.key(&sign_in.principal);
        let (revoked_at, _) = self.principal(&key, TOMBSTONE_LIFE).await?;
        let handle = id.handle();
        let found = self.row(handle).await?;
        // The time has gone on while a connection and two locks were waited for, and so has the request's age.
        let arrived = access.later(asked.elapsed());
        let Some((mut row, now)) = found else { return Ok(Miss::of_nothing(access).into()) };
        if row.is_rotated_to(&sign_in.new, now) {
            return Ok(SignedIn::Applied);
        }
        if let Some(miss) = row.miss(id, access, now) {
            return Ok(miss.into());
        }
        if row.record.principal.as_ref().is_some_and(|owner| *owner != sign_in.principal) {
            return Ok(SignedIn::Other);
        }
        if revoked_at.is_some_and(|at| arrived.is_over_its_head(at, Duration::ZERO, now)) {
            return Ok(SignedIn::Revoked);
        }
        if let Some(limit) = sign_in.limit
            && !self.make_room(&key, handle, limit, sign_in.op, now).await?
        {
            return Ok(SignedIn::Full);
        }
        row.rotate(sign_in.new, &sign_in.changes, sign_in.op, access, now);
        self.write(handle, &row).await?;
        let args = [
            Arg::Bytes(sign_in.principal.as_str().as_bytes()),
            Arg::Bytes(&key),
            Arg::Int(column(now)),
            Arg::Bytes(handle.as_bytes()),
        ];
        self.execute(&self.engine.statements.claim_session, &args).await?;
        self.change(handle, &sign_in.changes).await?;
        self.tell_of(EventKind::Rotated, handle, Some(&sign_in.principal), now).await?;
        Ok(SignedIn::Applied)
    }

    /// The principal's row, locked: when it was revoked, and the time after that. It stays for `needed` at least.
    async fn principal(
        &mut self,
        key: &[u8; 16],
        needed: std::time::Duration,
    ) -> Result<(Option<Timestamp>, Timestamp), Failure> {
        let until = self.now().await?.saturating_add(needed);
        let args = [Arg::Bytes(key), Arg::Int(column(until))];
        self.execute(&self.engine.statements.enter_principal, &args).await?;
        let rows = self.rows(&self.engine.statements.lock_principal, &args[..1]).await?;
        let row = rows.first().ok_or_else(|| unreadable("a principal's row is missing"))?;
        Ok((D::int(row, 0)?.map(moment), self.engine.time.now(D::int(row, 1)?)?))
    }

    /// Ends what the limit evicts. `false`: it rejects one more.
    async fn make_room(
        &mut self,
        key: &[u8; 16],
        newcomer: &Handle,
        limit: SessionLimit,
        op: OpId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let args = [Arg::Bytes(key), Arg::Bytes(newcomer.as_bytes()), Arg::Int(column(now))];
        let rows = self.rows(&self.engine.statements.others, &args).await?;
        // In the order of their sign-ins.
        let mut others = Vec::with_capacity(rows.len());
        for row in &rows {
            others.push((handle(D::bytes(row, 0)?)?, D::int(row, 1)?));
        }
        let surplus = (others.len() + 1).saturating_sub(limit.max());
        match limit.beyond() {
            Beyond::Reject => return Ok(surplus == 0),
            Beyond::EvictOldest => {}
            Beyond::EvictIdle => others.sort_by_key(|(_, expires_at)| *expires_at),
        }
        for (victim, _) in others.iter().take(surplus) {
            self.end_if_alive(victim, EventKind::Deleted(Reason::Evicted), op).await?;
        }
        Ok(true)
    }

    /// It may have ended since it was listed.
    async fn end_if_alive(&mut self, victim: &Handle, kind: EventKind, op: OpId) -> Result<(), Failure> {
        if let Some((row, now)) = self.row(victim).await?
            && row.ended_at.is_none()
            && !row.record.is_expired(now)
        {
            self.tell_of(kind, victim, row.record.principal.as_ref(), now).await?;
            self.end(&[victim.as_bytes()], op, now).await?;
        }
        Ok(())
    }

    async fn revoke(&mut self, key: &[u8; 16], revocation: &Revocation) -> Result<Revoked, Failure> {
        let (revoked_at, now) = self.principal(key, revocation.remember.max(TOMBSTONE_LIFE)).await?;
        let at = revocation.at.unwrap_or(now);
        if revocation.at.is_none() {
            let last = revoked_at.map_or(at, |before| before.max(at));
            let remembered = last.saturating_add(revocation.remember);
            let args = [Arg::Int(column(last)), Arg::Int(column(remembered)), Arg::Bytes(key)];
            self.execute(&self.engine.statements.revoke_principal, &args).await?;
        }
        let kept = revocation.keep.as_ref().map_or(&[][..], |handle| handle.as_bytes());
        let args = [
            Arg::Bytes(key),
            Arg::Int(column(at)),
            Arg::Bytes(kept),
            Arg::Int(column(now)),
            Arg::Int(limited(STEP)),
        ];
        let rows = self.rows(&self.engine.statements.members, &args).await?;
        let mut members = Vec::with_capacity(rows.len());
        for row in &rows {
            let principal = named(D::bytes(row, 1)?)?;
            members.push(Happened { handle: handle(D::bytes(row, 0)?)?, principal, at: now });
        }
        self.tell_of_all(EventKind::Deleted(Reason::Revoked), &members).await?;
        let locators: Vec<_> = members.iter().map(|member| member.handle.as_bytes()).collect();
        self.end(&locators, revocation.op, now).await?;
        Ok(Revoked::new(at, members.len(), members.len() == STEP))
    }
}
