use std::sync::Arc;

use session_core::SessionManager;
use tower_layer::Layer;

use crate::SessionService;

/// Gives each request that passes it a session of its manager.
///
/// Two layers of the same manager: the inner one passes the request through. Two managers whose ids travel in one
/// cookie or header: such a request is answered 500, because clients could not tell their sessions apart.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    manager: Arc<SessionManager>,
}

impl SessionLayer {
    /// The layer of this manager.
    #[must_use]
    pub fn new(manager: Arc<SessionManager>) -> Self {
        Self { manager }
    }

    /// The manager of the sessions that pass here.
    #[must_use]
    pub fn manager(&self) -> &Arc<SessionManager> {
        &self.manager
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService::new(inner, self.manager.clone())
    }
}
