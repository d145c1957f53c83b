use std::sync::Arc;

use session_core::{ManagerBuilder, SessionManager, SessionStore};

use super::{AdapterHarness, App, Browser, Handler, Reply, Request};
use crate::{Fault, FaultyStore, Operation, SpyStore};

/// What a case works with: an application on a store that is watched and can be made to fail.
pub struct World {
    /// The handler, for its gates and what it keeps.
    pub handler: Handler,
    faults: FaultyStore,
    spy: SpyStore,
    app: Arc<dyn App>,
}

impl World {
    /// An application with the default settings.
    pub async fn new(harness: &dyn AdapterHarness) -> Self {
        Self::with(harness, |builder| builder).await
    }

    /// An application with other settings.
    pub async fn with(
        harness: &dyn AdapterHarness,
        set: impl FnOnce(ManagerBuilder) -> ManagerBuilder,
    ) -> Self {
        let faults = FaultyStore::new(harness.store().await);
        let spy = SpyStore::new(Arc::new(faults.clone()));
        let manager = set(SessionManager::builder(Arc::new(spy.clone()))).build().expect("a manager");
        let handler = Handler::default();
        let app = harness.mount(manager, handler.clone());
        Self { handler, faults, spy, app }
    }

    /// A browser without cookies.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(self.app.clone())
    }

    /// A browser that is in a session with the attribute `a`. What that asked of the store is forgotten.
    pub async fn visitor(&self) -> Browser {
        let browser = self.browser();
        let reply = browser.go("/insert=a:before").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        self.forget_calls();
        browser
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request) -> Reply {
        self.app.call(request).await.expect("an answer, not a panic")
    }

    /// What the store has been asked since this was last called.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Operation> {
        self.spy.reset()
    }

    /// What each load since then has asked for: `*`, or the attributes' names, joined by `+`. Forgets all calls.
    #[must_use]
    pub fn take_loads(&self) -> Vec<String> {
        let loads = self.spy.loads();
        self.forget_calls();
        loads
    }

    /// Forgets what the store has been asked.
    pub fn forget_calls(&self) {
        drop(self.spy.reset());
    }

    /// The store, as the application sees it.
    #[must_use]
    pub fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.spy.clone())
    }

    /// The faults of the store.
    #[must_use]
    pub fn faults(&self) -> &FaultyStore {
        &self.faults
    }

    /// Makes the next call of this operation fail.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.faults.next(operation, fault);
    }
}
