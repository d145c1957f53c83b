//! Whose session it is: the steps of a sign-in, and the end of a principal's other sessions.

use std::sync::Arc;
use std::time::Duration;

use super::operations::gone;
use super::shared::Shared;
use super::state::{Live, Phase, Stored};
use crate::{
    Error, ErrorKind, NewRecord, OpId, Principal, Principals, Result, Saved, Select, SessionLimit, SignIn,
    SignedIn, expiry,
};

/// How long the anonymous session lives that a sign-in begins with: until its next step.
const ANONYMOUS: Duration = Duration::from_secs(60);

impl Shared {
    /// Signs in: whatever became of the session that was presented, the user gets one.
    pub(super) async fn sign_in(&self, principal: Principal, limit: Option<SessionLimit>) -> Result<()> {
        let _turn = self.turn.lock().await;
        let target = match self.target().await {
            Ok(target) => target,
            Err(error) if matches!(error.kind(), ErrorKind::Gone | ErrorKind::Conflict) => None,
            Err(error) => return Err(error),
        };
        let principals = self.manager.principals()?;
        if let Some(target) = target {
            match self.enter(principals, &target, &principal, limit).await? {
                SignedIn::Applied => return Ok(()),
                SignedIn::Gone | SignedIn::Absent => {}
                // Nothing of somebody else's session may reach this principal.
                SignedIn::Other => self.end_others(&target).await?,
                SignedIn::Revoked => return Err(revoked()),
                SignedIn::Full => return Err(full()),
            }
        }
        self.sign_in_anew(principals, &principal, limit).await
    }

    /// Signs in under a session that begins for it: anonymous at first, so that there is a record before the
    /// principal has an entry for it, and a missing one is one that has ended.
    async fn sign_in_anew(
        &self,
        principals: &dyn Principals,
        principal: &Principal,
        limit: Option<SessionLimit>,
    ) -> Result<()> {
        self.create_record(NewRecord::new(expiry::parts(Some(ANONYMOUS), None))).await?;
        let Some(target) = self.state().live().map(Live::target) else { return Err(gone()) };
        let refused = match self.enter(principals, &target, principal, limit).await? {
            SignedIn::Applied => return Ok(()),
            // Nobody but a revocation can have ended it.
            SignedIn::Gone | SignedIn::Absent | SignedIn::Other | SignedIn::Revoked => revoked(),
            SignedIn::Full => full(),
        };
        // The client has not heard of it. If it cannot be ended, it ends by itself.
        let op = OpId::generate(&*self.manager.random)?;
        drop(self.manager.store.delete(&target.stored, op, self.request()).await);
        self.state().phase = Phase::Nothing;
        Err(refused)
    }

    /// Makes the session at `target` the principal's.
    async fn enter(
        &self,
        principals: &dyn Principals,
        target: &Stored,
        principal: &Principal,
        limit: Option<SessionLimit>,
    ) -> Result<SignedIn> {
        let manager = &self.manager;
        let id = target.id.with_new_secret(&*manager.random)?;
        let stored = id.stored(&manager.namespace);
        let changes = Arc::unwrap_or_clone(self.pending(true));
        let expiry = expiry::parts(
            changes.idle.unwrap_or(manager.expiry.idle_timeout()),
            manager.expiry.absolute_timeout(),
        );
        let op = OpId::generate(&*manager.random)?;
        let sign_in = SignIn::new(principal.clone(), *stored.digest(), expiry, changes, op).with_limit(limit);
        let entered = self.write(principals.sign_in(&target.stored, &sign_in, self.request())).await?;
        if entered == SignedIn::Applied {
            self.renamed(id, stored, &sign_in.changes);
            self.state().belongs_to(principal);
        }
        Ok(entered)
    }

    /// Ends the session of somebody else that the request has presented.
    async fn end_others(&self, target: &Stored) -> Result<()> {
        let op = OpId::generate(&*self.manager.random)?;
        if self.write(self.manager.store.delete(&target.stored, op, self.request())).await? == Saved::Applied
        {
            self.state().end();
        }
        Ok(())
    }

    /// Ends the principal's other sessions.
    pub(super) async fn revoke_others(&self) -> Result<usize> {
        let _turn = self.turn.lock().await;
        if self.access().live().is_none() {
            self.read(Select::Metadata).await?;
        }
        let (handle, principal) = {
            let state = self.access();
            state.check()?;
            if matches!(state.phase, Phase::Gone) {
                return Err(gone());
            }
            let signed_in =
                state.live().and_then(|live| Some((*live.stored.handle(), live.record.principal.clone()?)));
            signed_in.ok_or_else(nobody)?
        };
        self.manager.revoke(&principal, Some(handle)).await
    }
}

fn revoked() -> Error {
    Error::new(ErrorKind::Gone, "the principal was logged out everywhere while this sign-in was under way")
}

fn full() -> Error {
    Error::new(ErrorKind::LimitReached, "the principal has as many sessions as the limit allows")
}

fn nobody() -> Error {
    Error::new(ErrorKind::NoSession, "nobody is signed in: there are no other sessions to end")
}
