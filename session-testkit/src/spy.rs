use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Digest, Handle, Load, NewRecord, OpId, Renewal, Renewed, Result,
    Saved, Select, SessionStore, StoredId, Swapped, Sweep, Taken,
};

/// An operation of a store, for what is counted or made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one for each method of the contract")]
pub enum Op {
    /// [`SessionStore::create`]
    Create,
    /// [`SessionStore::load`]
    Load,
    /// [`SessionStore::touch`]
    Touch,
    /// [`SessionStore::save`]
    Save,
    /// [`SessionStore::rotate`]
    Rotate,
    /// [`SessionStore::delete`]
    Delete,
    /// [`SessionStore::end`]
    End,
    /// [`SessionStore::take`]
    Take,
    /// [`SessionStore::replace_if`]
    ReplaceIf,
    /// [`Renewal::renew`]
    Renew,
    /// [`Sweep::sweep`]
    Sweep,
}

/// A store that writes down what it is asked, and passes it on. What was *not* asked is worth the most.
#[derive(Debug)]
pub struct SpyStore {
    inner: Arc<dyn SessionStore>,
    calls: Mutex<Vec<Op>>,
}

impl SpyStore {
    /// Watches this store.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>) -> Self {
        Self { inner, calls: Mutex::default() }
    }

    /// What has been asked since this was last called, in order.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Op> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn note(&self, op: Op) -> &dyn SessionStore {
        self.calls.lock().unwrap().push(op);
        &*self.inner
    }
}

#[async_trait]
impl SessionStore for SpyStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        self.note(Op::Create).create(id, new, access).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        self.note(Op::Load).load(id, select, access).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        self.note(Op::Touch).touch(id, access).await
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        self.note(Op::Save).save(id, changes, access).await
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        self.note(Op::Rotate).rotate(id, new, changes, access).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        self.note(Op::Delete).delete(id, op, access).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        self.note(Op::End).end(handle, op).await
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        self.note(Op::Take).take(id, name, access).await
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        self.note(Op::ReplaceIf).replace_if(id, name, old, new, access).await
    }

    fn capabilities(&self) -> Capabilities<'_> {
        forwarded(&*self.inner, self, self)
    }
}

#[async_trait]
impl Renewal for SpyStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        renewal(self.note(Op::Renew)).renew(id, new, access).await
    }
}

#[async_trait]
impl Sweep for SpyStore {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        sweep(self.note(Op::Sweep)).sweep(limit).await
    }
}

/// The capabilities of `inner`, by way of its wrapper.
pub(crate) fn forwarded<'a>(
    inner: &dyn SessionStore,
    renewal: &'a dyn Renewal,
    sweep: &'a dyn Sweep,
) -> Capabilities<'a> {
    let mut capabilities = Capabilities::none();
    if inner.capabilities().renewal.is_some() {
        capabilities = capabilities.with_renewal(renewal);
    }
    if inner.capabilities().sweep.is_some() {
        capabilities = capabilities.with_sweep(sweep);
    }
    capabilities
}

pub(crate) fn renewal(inner: &dyn SessionStore) -> &dyn Renewal {
    inner.capabilities().renewal.expect("offered only if the store has it")
}

pub(crate) fn sweep(inner: &dyn SessionStore) -> &dyn Sweep {
    inner.capabilities().sweep.expect("offered only if the store has it")
}
