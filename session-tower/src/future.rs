use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Response, StatusCode};
use pin_project_lite::pin_project;
use session_core::{Commit, Error, LazySession};

use crate::response;

pin_project! {
    /// The future of a [`SessionService`](crate::SessionService)'s response.
    ///
    /// A response whose session has nothing to be written passes without another allocation.
    pub struct SessionFuture<F, B> {
        #[pin]
        step: Step<F, B>,
    }
}

/// The store is being told what the request has changed so far.
type Flush = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The store is being told the rest.
type Committing = Pin<Box<dyn Future<Output = Commit> + Send>>;

pin_project! {
    #[project = StepProj]
    enum Step<F, B> {
        /// The handler is at work. Without a session: an outer layer of the same manager commits it.
        Handler { #[pin] handler: F, session: Option<LazySession>, flush: Option<Flush> },
        /// The response waits for the store.
        Commit { commit: Committing, response: Option<Response<B>> },
        /// The request does not reach its handler.
        Refused { error: Error },
    }
}

impl<F, B> SessionFuture<F, B> {
    pub(crate) fn new(handler: F, session: LazySession) -> Self {
        Self { step: Step::Handler { handler, session: Some(session), flush: None } }
    }

    pub(crate) fn passing(handler: F) -> Self {
        Self { step: Step::Handler { handler, session: None, flush: None } }
    }

    pub(crate) fn refused(error: Error) -> Self {
        Self { step: Step::Refused { error } }
    }
}

impl<F, B, E> Future for SessionFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: From<&'static str>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.step.as_mut().project() {
                StepProj::Handler { handler, session: None, .. } => return handler.poll(cx),
                StepProj::Handler { handler, session: Some(session), flush } => {
                    let mut answer = match catch_unwind(AssertUnwindSafe(|| handler.poll(cx))) {
                        Ok(answer) => answer,
                        Err(panic) => return Poll::Ready(Ok(after_panic(session, panic))),
                    };
                    // It stays where it is as long as nothing has to be awaited: moving a response is what costs here.
                    let Poll::Ready(Ok(response)) = &mut answer else {
                        if answer.is_pending() {
                            poll_flush(session, flush, cx);
                        }
                        return answer;
                    };
                    let status = response.status().as_u16();
                    if let Some(commit) = session.manager().commit_now(session, status) {
                        response::write(&commit, response);
                        return answer;
                    }
                    let commit = commit(session.clone(), flush.take(), status);
                    Step::Commit { commit, response: ready!(answer).ok() }
                }
                StepProj::Commit { commit, response } => {
                    let commit = ready!(commit.as_mut().poll(cx));
                    let mut response = response.take().unwrap_or_else(|| Response::new(B::from("")));
                    response::write(&commit, &mut response);
                    return Poll::Ready(Ok(response));
                }
                StepProj::Refused { error } => return Poll::Ready(Ok(response::of_error(error))),
            };
            this.step.set(next);
        }
    }
}

/// Writes the rest, once what is on its way to the store has arrived.
fn commit(session: LazySession, flush: Option<Flush>, status: u16) -> Committing {
    Box::pin(async move {
        if let Some(flush) = flush {
            flush.await;
        }
        session.manager().commit(&session, status).await
    })
}

/// While the handler waits, what it has changed may be written: as far as that goes now.
fn poll_flush(session: &LazySession, flush: &mut Option<Flush>, cx: &mut Context<'_>) {
    loop {
        match flush {
            Some(flushing) => match flushing.as_mut().poll(cx) {
                Poll::Pending => return,
                Poll::Ready(()) => *flush = None,
            },
            None if session.manager().is_flush_due(session) => {
                let session = session.clone();
                *flush = Some(Box::pin(async move { session.manager().flush(&session).await }));
            }
            None => return,
        }
    }
}

/// What has been done to a session stands, although the handler panicked: if its client must be told, the panic
/// ends here in a 500 that tells it. (The panic hook has reported it already.) Otherwise it goes on.
fn after_panic<B: From<&'static str>>(session: &LazySession, panic: Box<dyn Any + Send>) -> Response<B> {
    let headers = session.manager().after_panic(session);
    if headers.is_empty() {
        resume_unwind(panic);
    }
    let mut response = Response::new(B::from("Internal server error.\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response::write_headers(&headers, &mut response);
    response
}
