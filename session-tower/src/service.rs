use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use session_core::{LazySession, SessionManager};
use tower_service::Service;

use crate::SessionFuture;

/// The service that [`SessionLayer`](crate::SessionLayer) makes.
#[derive(Clone, Debug)]
pub struct SessionService<S> {
    inner: S,
    manager: Arc<SessionManager>,
}

impl<S> SessionService<S> {
    pub(crate) fn new(inner: S, manager: Arc<SessionManager>) -> Self {
        Self { inner, manager }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<&'static str>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = SessionFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        if let Some(outer) = request.extensions().get::<LazySession>() {
            let outer = outer.manager();
            if Arc::ptr_eq(outer, &self.manager) {
                return SessionFuture::passing(self.inner.call(request));
            }
            if outer.shares_transport_with(&self.manager) {
                return SessionFuture::refused(self.manager.transport_conflict());
            }
        }
        let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let session = self.manager.open(headers);
        request.extensions_mut().insert(session.clone());
        SessionFuture::new(self.inner.call(request), session)
    }
}
