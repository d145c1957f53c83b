//! The adapter contract as cases: whatever the web framework, a request meets the same session.
//!
//! An adapter's test mounts one generic handler, [`Handler::run`], behind its own middleware and implements
//! [`AdapterHarness`]; [`adapter_conformance!`](crate::adapter_conformance) is the only list of the cases. They are
//! the rules of "what the manager does with the answers", seen from outside: by status, headers and store calls.

mod browser;
mod cases;
mod conformance;
mod handler;
mod world;

pub use cases::{
    attributes, beginning, commit, ending, expiry, failing, gone, identity, partial, policy, presented,
    principals, races,
};

pub use browser::{Browser, Reply, Request};
pub use handler::{Handler, Outcome};
pub use world::World;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::{SessionManager, SessionStore};

/// How the cases reach an adapter and a store.
#[async_trait]
pub trait AdapterHarness: Send + Sync {
    /// An empty store, or an empty namespace in one that is shared.
    async fn store(&self) -> Arc<dyn SessionStore>;

    /// An application that runs `handler` with the session of each request, whatever its method and path: it hands
    /// over the request's path and passes the outcome on, an error as the adapter's own error response.
    fn mount(&self, manager: Arc<SessionManager>, handler: Handler) -> Arc<dyn App>;

    /// Lets the store's clock pass this much.
    async fn advance(&self, duration: Duration);

    /// How often a race is repeated: 10 000 times, unless the harness says otherwise.
    fn repetitions(&self) -> usize {
        10_000
    }
}

/// An application under test.
#[async_trait]
pub trait App: Send + Sync {
    /// Its answer to a request; `None` when its handler panicked and the panic went on through the adapter.
    async fn call(&self, request: Request) -> Option<Reply>;
}
