use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use session_core::{
    Access, Capabilities, Changes, Created, Delivered, Delivery, Digest, Events, Found, Handle, Load,
    NewRecord, OpId, Page, Principal, Principals, Receipt, Renewal, Renewed, Result, Revocation, Revoked,
    Saved, Select, SessionStore, SignIn, SignedIn, StoredId, Subscription, Swapped, Sweep, Taken,
};

use crate::Operation;
use crate::operation;

/// Notes every call of a store before passing it on: for proving that something did *not* happen. A clone shows
/// the same calls.
///
/// ```
/// use std::sync::Arc;
/// use session_memory::MemoryStore;
/// use session_testkit::SpyStore;
///
/// let spy = SpyStore::new(Arc::new(MemoryStore::new()));
/// // … a request that does not ask for its session …
/// assert!(spy.is_untouched(), "{:?}", spy.calls());
/// ```
#[derive(Clone, Debug)]
pub struct SpyStore {
    store: Arc<dyn SessionStore>,
    calls: Arc<Mutex<Vec<Operation>>>,
    loads: Arc<Mutex<Vec<String>>>,
}

impl SpyStore {
    /// A spy before this store.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, calls: Arc::default(), loads: Arc::default() }
    }

    /// Every call, in order, since the spy began or was last [reset](Self::reset).
    #[must_use]
    pub fn calls(&self) -> Vec<Operation> {
        self.lock().clone()
    }

    /// How many of these calls were of this operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.lock().iter().filter(|call| **call == operation).count()
    }

    /// Whether nothing was asked of the store.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.lock().is_empty()
    }

    /// What each load asked for: `*`, or the attributes' names, joined by `+`.
    #[must_use]
    pub fn loads(&self) -> Vec<String> {
        self.lock_loads().clone()
    }

    /// Forgets the calls, and returns them.
    pub fn reset(&self) -> Vec<Operation> {
        self.lock_loads().clear();
        mem::take(&mut *self.lock())
    }

    fn lock_loads(&self) -> MutexGuard<'_, Vec<String>> {
        self.loads.lock().expect("nothing panics while it notes a load")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Operation>> {
        self.calls.lock().expect("nothing panics while it notes a call")
    }

    fn note(&self, operation: Operation) -> &dyn SessionStore {
        self.lock().push(operation);
        &*self.store
    }
}

#[async_trait]
impl SessionStore for SpyStore {
    async fn create(&self, id: &StoredId, new: &NewRecord, access: Access) -> Result<Created> {
        self.note(Operation::Create).create(id, new, access).await
    }

    async fn load(&self, id: &StoredId, select: Select<'_>, access: Access) -> Result<Load> {
        self.lock_loads().push(match select {
            Select::All => "*".to_owned(),
            Select::Only(names) => names.join("+"),
            Select::Metadata => String::new(),
        });
        self.note(Operation::Load).load(id, select, access).await
    }

    async fn touch(&self, id: &StoredId, access: Access) -> Result<()> {
        self.note(Operation::Touch).touch(id, access).await
    }

    async fn save(&self, id: &StoredId, changes: &Changes, access: Access) -> Result<Saved> {
        self.note(Operation::Save).save(id, changes, access).await
    }

    async fn rotate(&self, id: &StoredId, new: &Digest, changes: &Changes, access: Access) -> Result<Saved> {
        self.note(Operation::Rotate).rotate(id, new, changes, access).await
    }

    async fn delete(&self, id: &StoredId, op: OpId, access: Access) -> Result<Saved> {
        self.note(Operation::Delete).delete(id, op, access).await
    }

    async fn end(&self, handle: &Handle, op: OpId) -> Result<()> {
        self.note(Operation::End).end(handle, op).await
    }

    async fn take(&self, id: &StoredId, name: &str, access: Access) -> Result<Taken> {
        self.note(Operation::Take).take(id, name, access).await
    }

    async fn replace_if(
        &self,
        id: &StoredId,
        name: &str,
        old: Option<&[u8]>,
        new: Option<&[u8]>,
        access: Access,
    ) -> Result<Swapped> {
        self.note(Operation::ReplaceIf).replace_if(id, name, old, new, access).await
    }

    fn capabilities(&self) -> Capabilities<'_> {
        operation::offered_by(self, &*self.store)
    }
}

#[async_trait]
impl Renewal for SpyStore {
    async fn renew(&self, id: &StoredId, new: &Digest, access: Access) -> Result<Renewed> {
        operation::renewal(self.note(Operation::Renew)).renew(id, new, access).await
    }
}

#[async_trait]
impl Sweep for SpyStore {
    async fn sweep(&self, limit: usize) -> Result<usize> {
        operation::sweep(self.note(Operation::Sweep)).sweep(limit).await
    }
}

#[async_trait]
impl Principals for SpyStore {
    async fn sign_in(&self, id: &StoredId, sign_in: &SignIn, access: Access) -> Result<SignedIn> {
        operation::principals(self.note(Operation::SignIn)).sign_in(id, sign_in, access).await
    }

    async fn find(&self, principal: &Principal, select: Select<'_>, page: &Page) -> Result<Found> {
        operation::principals(self.note(Operation::Find)).find(principal, select, page).await
    }

    async fn count(&self, principal: &Principal) -> Result<usize> {
        operation::principals(self.note(Operation::Count)).count(principal).await
    }

    async fn revoke(&self, principal: &Principal, revocation: &Revocation) -> Result<Revoked> {
        operation::principals(self.note(Operation::Revoke)).revoke(principal, revocation).await
    }
}

#[async_trait]
impl Events for SpyStore {
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        let events = operation::events(self.note(Operation::Subscribe));
        let subscription = events.subscribe(delivery).await?;
        Ok(Box::new(SpySubscription { store: self.clone(), subscription }))
    }
}

struct SpySubscription {
    store: SpyStore,
    subscription: Box<dyn Subscription>,
}

#[async_trait]
impl Subscription for SpySubscription {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>> {
        self.store.note(Operation::Next);
        self.subscription.next(limit).await
    }

    async fn woken(&mut self) {
        self.subscription.woken().await;
    }

    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()> {
        self.store.note(Operation::Acknowledge);
        self.subscription.acknowledge(heard).await
    }
}
