//! One attempt of each operation, by database.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) mod transactional;

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Digest, Handle, Load, NewRecord, OpId, Renewed, Saved, Select, StoredId,
    Swapped, Taken,
};

use crate::error::Failure;

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

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken, Failure>;

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

    async fn close(&self);
}
