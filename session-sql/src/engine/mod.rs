//! One attempt of each operation, by database.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
pub(crate) mod transactional;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Delivered, Digest, EventSettings, Found, Handle, Load, NewRecord, OpId, Page,
    Principal, Receipt, Renewed, Revocation, Revoked, Saved, Select, SessionEvent, SignIn, SignedIn,
    StoredId, Swapped, Taken,
};

use crate::cursor::Cursor;
use crate::error::Failure;
use crate::wake::Wake;

/// The operations of [`SessionStore`](session_core::SessionStore), each tried once: no budget, no second attempt.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created, Failure>;

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load, Failure>;

    async fn touch(&self, id: &StoredId, access: Access) -> Result<(), Failure>;

    async fn save(
        &self,
        id: &StoredId,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure>;

    /// Whether the save that was this operation was applied, as far as can still be seen.
    async fn was_saved(&self, id: &StoredId, op: OpId) -> Result<bool, Failure>;

    async fn rotate(
        &self,
        id: &StoredId,
        new: &Digest,
        changes: &Changes,
        op: OpId,
        access: Access,
    ) -> Result<Saved, Failure>;

    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed, Failure>;

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved, Failure>;

    async fn end(&self, handle: &Handle, op: OpId) -> Result<(), Failure>;

    async fn take(&self, id: &StoredId, name: &str, op: OpId, access: Access) -> Result<Taken, Failure>;

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        op: OpId,
        access: Access,
    ) -> Result<Swapped, Failure>;

    async fn sweep(&self, limit: usize) -> Result<usize, Failure>;

    /// `asked` is when the request was as old as `access` says.
    async fn sign_in(
        &self,
        id: &StoredId,
        sign_in: &SignIn,
        access: Access,
        asked: Instant,
    ) -> Result<SignedIn, Failure>;

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found, Failure>;

    async fn count(&self, principal: &Principal) -> Result<usize, Failure>;

    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked, Failure>;

    /// What is told; `None`: nothing is.
    fn events(&self) -> Option<&EventSettings>;

    /// What somebody who listens waits for between two looks.
    fn wake(&self) -> Wake;

    /// Time since some fixed moment.
    fn monotonic(&self) -> Duration;

    /// Where somebody begins who hears what happens from now on.
    async fn newest_event(&self) -> Result<Cursor, Failure>;

    /// What has happened after the cursor, at most `limit` events with their numbers, and where the cursor is then.
    async fn new_events(
        &self,
        cursor: &Cursor,
        limit: usize,
    ) -> Result<(Vec<(i64, SessionEvent)>, Cursor), Failure>;

    /// Begins a group, if it is not there.
    async fn begin_group(&self, group: &str) -> Result<(), Failure>;

    async fn next_of_group(&self, group: &str, limit: usize) -> Result<Vec<Delivered>, Failure>;

    async fn acknowledge(&self, group: &str, heard: &[Receipt]) -> Result<(), Failure>;

    async fn close(&self);
}
