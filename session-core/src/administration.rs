use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::{
    Cursor, Error, ErrorKind, Expiry, Handle, OpId, Page, Principal, Principals, Record, Result, Revocation,
    Select, SessionManager, Timestamp, codec,
};

/// What administrators do, and pages on which users see their own sessions: without a request's session.
impl SessionManager {
    /// Live sessions of the principal, at most `page.limit`, with the selected attributes.
    ///
    /// In no order; page by page each that lives all the while is shown at least once. Two round trips a page
    /// on Redis, one on SQL.
    ///
    /// # Errors
    ///
    /// `Config` when the store knows no principals; those of the store.
    pub async fn find(
        self: &Arc<Self>,
        principal: &Principal,
        select: Select<'_>,
        page: Page,
    ) -> Result<SessionPage> {
        let found = self.principals()?.find(principal, select, &page).await?;
        let info = |(handle, record)| SessionInfo { handle, record, manager: self.clone() };
        Ok(SessionPage { sessions: found.sessions.into_iter().map(info).collect(), next: found.next })
    }

    /// How many live sessions the principal has. One round trip.
    ///
    /// # Errors
    ///
    /// `Config` when the store knows no principals; those of the store.
    pub async fn count(&self, principal: &Principal) -> Result<usize> {
        self.principals()?.count(principal).await
    }

    /// Logs the principal out everywhere, and says how many sessions ended: when an account is disabled (ASVS 5.0,
    /// 7.4.2), say. Sign-ins that are under way fail, also one of the request that calls this: to go on with its
    /// session, sign in first and call [`revoke_others`](crate::LazySession::revoke_others).
    ///
    /// # Errors
    ///
    /// `Config` when the store knows no principals; those of the store: some sessions may have ended then, and the
    /// rest will at their next use, or when this is called again.
    pub async fn revoke_principal(&self, principal: &Principal) -> Result<usize> {
        self.revoke(principal, None).await
    }

    /// Ends the session of this handle, also where none is. One round trip.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn end(&self, handle: &Handle) -> Result<()> {
        self.store.end(handle, OpId::generate(&*self.random)?).await
    }

    pub(crate) fn principals(&self) -> Result<&dyn Principals> {
        self.store.capabilities().principals.ok_or_else(|| {
            Error::new(ErrorKind::Config, "this session store knows no principals: nobody can sign in")
        })
    }

    pub(crate) async fn revoke(&self, principal: &Principal, keep: Option<Handle>) -> Result<usize> {
        let principals = self.principals()?;
        let op = OpId::generate(&*self.random)?;
        let mut revocation = Revocation::new(op, longest_life(self.expiry)).keeping(keep);
        let mut ended = 0;
        loop {
            let step = principals.revoke(principal, &revocation).await?;
            ended += step.ended;
            if !step.more {
                return Ok(ended);
            }
            revocation = revocation.continued(step.at);
        }
    }
}

/// How long a session can live that nobody uses: the throttle is a tenth of the idle timeout at most.
fn longest_life(expiry: Expiry) -> Duration {
    let unused = expiry.idle_timeout().map(|idle| idle.saturating_add(idle / 10));
    unused.into_iter().chain(expiry.absolute_timeout()).min().unwrap_or(Duration::MAX)
}

/// Sessions of a principal, as [`SessionManager::find`] shows them.
#[derive(Debug)]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions of this page. There may be fewer than asked for, also none, before the last page.
    pub sessions: Vec<SessionInfo>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

/// A session as others than its own requests may see it: a snapshot, without its id.
#[derive(Clone)]
pub struct SessionInfo {
    handle: Handle,
    record: Arc<Record>,
    manager: Arc<SessionManager>,
}

impl SessionInfo {
    /// The session's public name, by which it can be [ended](SessionManager::end).
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// When it began.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.record.created
    }

    /// When its use was last noted: behind the truth by at most the
    /// [touch setting](crate::ManagerBuilder::touch).
    #[must_use]
    pub fn last_accessed_at(&self) -> Timestamp {
        self.record.last_accessed
    }

    /// When it ends if it is not used again.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.record.expires_at
    }

    /// An attribute that was selected.
    ///
    /// # Errors
    ///
    /// `Undecodable` when it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let bytes = self.record.attributes.get(name);
        bytes.map(|bytes| codec::decode(&*self.manager.codec, bytes)).transpose()
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("handle", &self.handle)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
