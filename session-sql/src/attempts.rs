use std::future::Future;
use std::time::Duration;

use session_core::Result;
use tokio::time::{Instant, timeout_at};

use crate::backoff::Backoff;
use crate::error::{Failure, timeout};

/// How long an operation may take, with all its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(pub(crate) Duration);

/// Whether an operation may be sent again when nobody knows whether it was carried out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resend {
    Yes,
    No,
}

impl Budget {
    /// Tries an operation until it is done, refused or out of time.
    pub(crate) async fn run<T, F>(self, resend: Resend, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let deadline = Instant::now() + self.0;
        timeout_at(deadline, try_until_decided(resend, attempt)).await.unwrap_or_else(|_| Err(timeout()))
    }
}

async fn try_until_decided<T, F>(resend: Resend, attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut backoff = Backoff::new();
    let mut was_sent_again = false;
    loop {
        match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Contended(_)) => backoff.wait().await,
            Err(Failure::Unsent(_)) if !was_sent_again => {
                was_sent_again = true;
                Backoff::wait_for_a_server().await;
            }
            Err(Failure::Broken(_)) if resend == Resend::Yes && !was_sent_again => {
                was_sent_again = true;
                Backoff::wait_for_more_endings().await;
            }
            Err(failure) => return Err(failure.into_error()),
        }
    }
}
