use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Delivered, Delivery, Digest, Error, ErrorKind, Events, Found,
    Handle, Load, NewRecord, OpId, Page, Principal, Principals, Receipt, Renewal, Renewed, Result,
    Revocation, Revoked, Saved, Select, SessionStore, SignIn, SignedIn, StoredId, Subscription, Swapped,
    Sweep, Taken,
};
use tokio::sync::watch;

use crate::Operation;
use crate::operation;

/// How a call of a [`FaultyStore`] goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "before or after, an error or silence: there is no fifth")]
pub enum Fault {
    /// An error, and nothing was applied.
    FailBefore(ErrorKind),
    /// An error, but it *was* applied: the outcome that the caller cannot know.
    FailAfter(ErrorKind),
    /// Nothing is applied and nothing answered until the store is [released](FaultyStore::release).
    HangBefore,
    /// It is applied, and nothing answered until the store is [released](FaultyStore::release).
    HangAfter,
}

/// A store whose calls go wrong as they are told to, and go through otherwise. A clone has the same faults.
///
/// ```
/// use std::sync::Arc;
/// use session_core::ErrorKind;
/// use session_memory::MemoryStore;
/// use session_testkit::{Fault, FaultyStore, Operation};
///
/// let store = FaultyStore::new(Arc::new(MemoryStore::new()));
/// store.next(Operation::Save, Fault::FailAfter(ErrorKind::Timeout));
/// // … the next save is applied, and answers with an error …
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore {
    store: Arc<dyn SessionStore>,
    plan: Arc<Mutex<HashMap<Operation, Plan>>>,
    /// How many calls hang.
    hanging: watch::Sender<usize>,
    /// How often the store was released.
    released: watch::Sender<u64>,
}

/// What happens to the calls of one operation.
#[derive(Debug, Default)]
struct Plan {
    calls: usize,
    nth: HashMap<usize, Fault>,
    every: Option<Fault>,
}

impl FaultyStore {
    /// This store, without a fault.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, plan: Arc::default(), hanging: watch::Sender::new(0), released: watch::Sender::new(0) }
    }

    /// The next call of the operation goes wrong.
    pub fn next(&self, operation: Operation, fault: Fault) {
        self.nth(operation, 1, fault);
    }

    /// The `nth` call of the operation from now on (1 is the next one) goes wrong.
    ///
    /// # Panics
    ///
    /// When `nth` is 0.
    pub fn nth(&self, operation: Operation, nth: usize, fault: Fault) {
        assert!(nth > 0, "the first call is 1");
        self.with_plan(operation, |plan| plan.nth.insert(plan.calls + nth, fault));
    }

    /// Every call of the operation goes wrong, until [`heal`](Self::heal).
    pub fn every(&self, operation: Operation, fault: Fault) {
        self.with_plan(operation, |plan| plan.every = Some(fault));
    }

    /// Nothing goes wrong any more. Calls that hang go on hanging.
    pub fn heal(&self) {
        self.plan.lock().expect("nothing panics under this lock").clear();
    }

    /// Lets the calls go on that hang at this moment.
    pub fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// Waits until this many calls hang. A call that was dropped hangs no longer.
    pub async fn hanging(&self, calls: usize) {
        let mut hanging = self.hanging.subscribe();
        hanging.wait_for(|now| *now >= calls).await.expect("the sender is in self");
    }

    fn with_plan<T>(&self, operation: Operation, change: impl FnOnce(&mut Plan) -> T) -> T {
        let mut plan = self.plan.lock().expect("nothing panics under this lock");
        change(plan.entry(operation).or_default())
    }

    fn fault(&self, operation: Operation) -> Option<Fault> {
        self.with_plan(operation, |plan| {
            plan.calls += 1;
            plan.nth.remove(&plan.calls).or(plan.every)
        })
    }

    async fn hang(&self) {
        let mut released = self.released.subscribe();
        released.mark_unchanged();
        let _counted = Hanging::new(&self.hanging);
        released.changed().await.expect("the sender is in self");
    }

    async fn call<T>(&self, operation: Operation, call: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fault(operation) {
            None => call.await,
            Some(Fault::FailBefore(kind)) => Err(injected(kind)),
            Some(Fault::FailAfter(kind)) => call.await.and(Err(injected(kind))),
            Some(Fault::HangBefore) => {
                self.hang().await;
                call.await
            }
            Some(Fault::HangAfter) => {
                let result = call.await;
                self.hang().await;
                result
            }
        }
    }
}

fn injected(kind: ErrorKind) -> Error {
    Error::new(kind, "a fault that a test has put in")
}

/// Counts a hanging call for as long as it is not dropped.
struct Hanging<'a>(&'a watch::Sender<usize>);

impl<'a> Hanging<'a> {
    fn new(hanging: &'a watch::Sender<usize>) -> Self {
        hanging.send_modify(|calls| *calls += 1);
        Self(hanging)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

#[async_trait]
impl SessionStore for FaultyStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        self.call(Operation::Create, self.store.create(id, new, access)).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        self.call(Operation::Load, self.store.load(id, select, access)).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        self.call(Operation::Touch, self.store.touch(id, access)).await
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        self.call(Operation::Save, self.store.save(id, changes, access)).await
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        self.call(Operation::Rotate, self.store.rotate(id, new, changes, access)).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        self.call(Operation::Delete, self.store.delete(id, op, access)).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        self.call(Operation::End, self.store.end(handle, op)).await
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        self.call(Operation::Take, self.store.take(id, name, access)).await
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        self.call(Operation::ReplaceIf, self.store.replace_if(id, name, old, new, access)).await
    }

    fn capabilities(&self) -> Capabilities<'_> {
        operation::offered_by(self, &*self.store)
    }
}

#[async_trait]
impl Renewal for FaultyStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        self.call(Operation::Renew, operation::renewal(&*self.store).renew(id, new, access)).await
    }
}

#[async_trait]
impl Sweep for FaultyStore {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        self.call(Operation::Sweep, operation::sweep(&*self.store).sweep(limit)).await
    }
}

#[async_trait]
impl Principals for FaultyStore {
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn> {
        self.call(Operation::SignIn, operation::principals(&*self.store).sign_in(id, sign_in, access)).await
    }

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found> {
        self.call(Operation::Find, operation::principals(&*self.store).find(principal, select, page)).await
    }

    async fn count(&self, principal: &Principal) -> Result<usize> {
        self.call(Operation::Count, operation::principals(&*self.store).count(principal)).await
    }

    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked> {
        self.call(Operation::Revoke, operation::principals(&*self.store).revoke(principal, revocation)).await
    }
}

#[async_trait]
impl Events for FaultyStore {
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        let subscription =
            self.call(Operation::Subscribe, operation::events(&*self.store).subscribe(delivery)).await?;
        Ok(Box::new(FaultySubscription { store: self.clone(), subscription }))
    }
}

struct FaultySubscription {
    store: FaultyStore,
    subscription: Box<dyn Subscription>,
}

#[async_trait]
impl Subscription for FaultySubscription {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>> {
        self.store.call(Operation::Next, self.subscription.next(limit)).await
    }

    async fn woken(&mut self) {
        self.subscription.woken().await;
    }

    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()> {
        self.store.call(Operation::Acknowledge, self.subscription.acknowledge(heard)).await
    }
}
