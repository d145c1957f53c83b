use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Digest, Error, ErrorKind, Handle, Load, NewRecord, OpId, Renewal,
    Renewed, Result, Saved, Select, SessionStore, StoredId, Swapped, Sweep, Taken,
};

use crate::Op;
use crate::spy::{forwarded, renewal, sweep};

/// What befalls an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "not, or applied and the answer lost, or no answer at all")]
pub enum Fault {
    /// It fails as `Unavailable` and is not applied.
    Before,
    /// It is applied, and fails as `Unavailable`: its answer is lost.
    After,
    /// It is not applied and never answers.
    Hang,
}

/// A store whose operations fail when they are told to, and are passed on otherwise.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn SessionStore>,
    faults: Mutex<VecDeque<(Op, Fault)>>,
}

impl FaultyStore {
    /// Passes everything on to this store, until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>) -> Self {
        Self { inner, faults: Mutex::default() }
    }

    /// The next call of `op` that has not been told yet fails like this.
    pub fn fail_next(&self, op: Op, fault: Fault) {
        self.faults.lock().unwrap().push_back((op, fault));
    }

    /// The fault of this call. `Before` and `Hang` have happened when it returns.
    async fn enter(&self, op: Op) -> Result<Option<Fault>> {
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let at = faults.iter().position(|(it, _)| *it == op);
            at.and_then(|at| faults.remove(at)).map(|(_, fault)| fault)
        };
        match fault {
            Some(Fault::Before) => Err(down()),
            Some(Fault::Hang) => pending().await,
            Some(Fault::After) | None => Ok(fault),
        }
    }
}

fn down() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is down")
}

/// The answer of an operation, unless it gets lost.
fn leave<T>(fault: Option<Fault>, answer: Result<T>) -> Result<T> {
    if fault.is_some() { Err(down()) } else { answer }
}

#[async_trait]
impl SessionStore for FaultyStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        let fault = self.enter(Op::Create).await?;
        leave(fault, self.inner.create(id, new, access).await)
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        let fault = self.enter(Op::Load).await?;
        leave(fault, self.inner.load(id, select, access).await)
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        let fault = self.enter(Op::Touch).await?;
        leave(fault, self.inner.touch(id, access).await)
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        let fault = self.enter(Op::Save).await?;
        leave(fault, self.inner.save(id, changes, access).await)
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        let fault = self.enter(Op::Rotate).await?;
        leave(fault, self.inner.rotate(id, new, changes, access).await)
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        let fault = self.enter(Op::Delete).await?;
        leave(fault, self.inner.delete(id, op, access).await)
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        let fault = self.enter(Op::End).await?;
        leave(fault, self.inner.end(handle, op).await)
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        let fault = self.enter(Op::Take).await?;
        leave(fault, self.inner.take(id, name, access).await)
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        let fault = self.enter(Op::ReplaceIf).await?;
        leave(fault, self.inner.replace_if(id, name, old, new, access).await)
    }

    fn capabilities(&self) -> Capabilities<'_> {
        forwarded(&*self.inner, self, self)
    }
}

#[async_trait]
impl Renewal for FaultyStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        let fault = self.enter(Op::Renew).await?;
        leave(fault, renewal(&*self.inner).renew(id, new, access).await)
    }
}

#[async_trait]
impl Sweep for FaultyStore {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        let fault = self.enter(Op::Sweep).await?;
        leave(fault, sweep(&*self.inner).sweep(limit).await)
    }
}
