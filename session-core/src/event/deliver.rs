use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::{Delivered, Delivery, EventKind, EventListener, SessionEvent, Subscription};
use crate::{Error, ErrorKind, Handle, Result, SessionManager};

/// How often an event is handed to listeners that fail, before it is dropped.
pub const DELIVERY_ATTEMPTS: u32 = 5;

/// What became of the events that were handed to a listener.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Deliveries {
    /// How many there were. None: nothing waits at the moment.
    pub events: usize,
    /// Those that the listener has failed at, or panicked.
    pub failures: Vec<ListenerFailure>,
}

/// A listener has failed at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerFailure {
    /// What the event was.
    pub kind: EventKind,
    /// Which session it happened to.
    pub handle: Handle,
    /// What the listener said, or that it panicked.
    pub cause: String,
    /// It was the last of [`DELIVERY_ATTEMPTS`]: the event does not come again.
    pub is_dropped: bool,
}

impl SessionManager {
    /// Begins to listen to what happens to the sessions of the store, on all nodes. [`deliver`](Self::deliver) then
    /// hands it on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the store was built without events; else what the store says.
    pub async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        match self.store.capabilities().events {
            Some(events) => events.subscribe(delivery).await,
            None => Err(Error::new(
                ErrorKind::Config,
                "this session store tells no events: it has to be built with them",
            )),
        }
    }

    /// One step of listening: hands at most `limit` events to the listener, one after the other, and acknowledges
    /// them. Returns at once when none waits: pausing is the caller's, who has a runtime.
    ///
    /// A listener that fails or panics harms nothing: its event comes again, [`DELIVERY_ATTEMPTS`] times in all.
    ///
    /// # Errors
    ///
    /// What the store says. What was heard and could not be acknowledged comes again.
    pub async fn deliver(
        &self,
        subscription: &mut dyn Subscription,
        listener: &dyn EventListener,
        limit: usize,
    ) -> Result<Deliveries> {
        let delivered = subscription.next(limit).await?;
        let mut outcome = Deliveries { events: delivered.len(), failures: Vec::new() };
        let mut done = Vec::with_capacity(delivered.len());
        for Delivered { event, receipt, attempt } in delivered {
            let (kind, handle) = (event.kind, event.handle);
            let heard = hear(listener, event.with_codec(&self.codec)).await;
            let is_dropped = attempt >= DELIVERY_ATTEMPTS;
            if heard.is_ok() || is_dropped {
                done.push(receipt);
            }
            if let Err(cause) = heard {
                outcome.failures.push(ListenerFailure { kind, handle, cause, is_dropped });
            }
        }
        if !done.is_empty() {
            subscription.acknowledge(&done).await?;
        }
        Ok(outcome)
    }
}

/// A panic ends the one call, like an error.
async fn hear(listener: &dyn EventListener, event: SessionEvent) -> Result<(), String> {
    let mut hearing = pin!(listener.hear(event));
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| hearing.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err("the listener panicked".to_owned())))
    })
    .await
}
