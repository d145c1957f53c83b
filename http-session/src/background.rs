//! What goes on beside the requests: hearing events, and sweeping.

use std::sync::{Arc, Weak};
use std::time::Duration;

use session_core::{
    Deliveries, Delivery, Error, ErrorKind, EventListener, OsRandom, Random as _, Result, SessionManager,
    Subscription, sweep_regularly,
};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// How often somebody who listens asks for events, when nothing else is said.
pub(crate) const LISTEN_EVERY: Duration = Duration::from_millis(500);
/// How often the store is swept, when nothing else is said.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// As many events are heard before they are acknowledged.
const EVENTS: usize = 32;
/// A store that fails is asked again after a while that doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Something that goes on in the background until this is dropped, or the sessions that it is about are.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub struct Background(Option<AbortHandle>);

impl Background {
    /// Whether there is a runtime for anything in the background.
    pub(crate) fn is_possible() -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }

    fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(tokio::spawn(work).abort_handle()))
    }

    /// Lets it go on until the last layer and the last manager of the sessions is dropped.
    pub fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Hears what happens to the sessions of a manager, on all nodes, from the moment on when this returns. Where a
/// [`Builder`](crate::Builder) is at hand, [`on_event`](crate::Builder::on_event) is shorter.
///
/// Asks the store `every` so often, one command or some few each time; and at once where the store says that something
/// has happened, as PostgreSQL does. While the store fails it is asked less often, for ever; what happens meanwhile is
/// heard afterwards, as far as the store remembers it. A listener that fails or
/// panics hears the event again, [`DELIVERY_ATTEMPTS`](session_core::DELIVERY_ATTEMPTS) times in all. Failures of both
/// are logged with the feature `tracing`.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when the store was built without events, or there is no tokio
/// runtime; else what the store says.
pub async fn listen(
    sessions: &Arc<SessionManager>,
    delivery: Delivery,
    every: Duration,
    listener: impl EventListener,
) -> Result<Background> {
    listen_boxed(sessions, delivery, every, Box::new(listener)).await
}

pub(crate) async fn listen_boxed(
    sessions: &Arc<SessionManager>,
    delivery: Delivery,
    every: Duration,
    listener: Box<dyn EventListener>,
) -> Result<Background> {
    if !Background::is_possible() {
        let message = "session events are heard in the background: build the sessions within a tokio runtime";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let subscription = sessions.subscribe(&delivery).await?;
    Ok(Background::spawn(hear(Arc::downgrade(sessions), subscription, every, listener)))
}

async fn hear(
    sessions: Weak<SessionManager>,
    mut subscription: Box<dyn Subscription>,
    every: Duration,
    listener: Box<dyn EventListener>,
) {
    let mut pause = every;
    while let Some(sessions) = sessions.upgrade() {
        let outcome = sessions.deliver(&mut *subscription, &*listener, EVENTS).await;
        drop(sessions);
        match outcome {
            Ok(outcome) => {
                report(&outcome);
                pause = every;
                if outcome.events > 0 {
                    tokio::task::yield_now().await;
                } else {
                    // Woken or not: the store is asked.
                    let _ = timeout(jittered(pause), subscription.woken()).await;
                }
            }
            Err(error) => {
                pause = (pause * 2).min(LONGEST_PAUSE).max(every);
                warn("cannot ask the session store for events", &error);
                sleep(jittered(pause)).await;
            }
        }
    }
}

/// Removes what has expired from the store of a manager, `every` so often, if that store has to be told to. Any number
/// of nodes may. Where a [`Builder`](crate::Builder) is at hand, it does so by itself.
///
/// Each time it goes on in bounded steps until nothing expired is left, also after a long pause. A step that fails is
/// logged with the feature `tracing`, and done the next time. For a schedule of one's own there is
/// [`sweep_all`](crate::sweep_all).
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn sweep(sessions: &Arc<SessionManager>, every: Duration) -> Background {
    let sessions = Arc::downgrade(sessions);
    let report = |error: &Error| warn("cannot sweep the session store", error);
    Background::spawn(sweep_regularly(sessions, every, sleep, report))
}

/// The same for as long as the sessions are used, if their store has to be told to.
pub(crate) fn sweep_if_needed(sessions: &Arc<SessionManager>, every: Duration) {
    if sessions.store().capabilities().sweep.is_none() {
        return;
    }
    if !Background::is_possible() {
        #[cfg(feature = "tracing")]
        tracing::warn!("expired sessions are not swept: they were built outside of a tokio runtime");
        return;
    }
    sweep(sessions, every).detach();
}

/// Nine to eleven tenths of it.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    let part = OsRandom::default().fill(&mut byte).map_or(0.5, |()| f64::from(byte[0]) / 255.0);
    pause.mul_f64(0.9 + 0.2 * part)
}

#[cfg(feature = "tracing")]
fn warn(what: &'static str, error: &Error) {
    tracing::warn!(%error, "{what}");
}

#[cfg(not(feature = "tracing"))]
fn warn(_: &'static str, _: &Error) {}

#[cfg(feature = "tracing")]
fn report(outcome: &Deliveries) {
    for failure in &outcome.failures {
        let session_core::ListenerFailure { kind, handle, cause, .. } = failure;
        if failure.is_dropped {
            tracing::error!(%kind, %handle, cause, "gave up a session event that its listener kept failing at");
        } else {
            tracing::warn!(%kind, %handle, cause, "the listener failed at a session event, which comes again");
        }
    }
}

#[cfg(not(feature = "tracing"))]
fn report(_: &Deliveries) {}
