use std::future::Future;

use async_trait::async_trait;

use super::SessionEvent;

/// What an application does when something happens to a session. A closure will do:
///
/// ```
/// use session_core::{EventListener, SessionEvent};
///
/// fn listener() -> impl EventListener {
///     |event: SessionEvent| async move { println!("{} {}", event.handle, event.kind) }
/// }
/// # drop(listener());
/// ```
///
/// It may return a `Result`: an event whose listener fails or panics is handed out again. An event may come more than
/// once, so what is done about it should bear being done twice.
#[async_trait]
pub trait EventListener: Send + Sync + 'static {
    /// Hears an event. The next one waits until it returns: a listener that can hang bounds its own time.
    ///
    /// # Errors
    ///
    /// That the event is not dealt with yet, and why. The text is logged: no value of a session belongs into it.
    async fn hear(&self, event: SessionEvent) -> Result<(), String>;
}

#[async_trait]
impl<F, R> EventListener for F
where
    F: Fn(SessionEvent) -> R + Send + Sync + 'static,
    R: Future<Output: Outcome> + Send,
{
    async fn hear(&self, event: SessionEvent) -> Result<(), String> {
        self(event).await.into_result()
    }
}

/// What a closure that listens may return: nothing, or a `Result`.
pub trait Outcome {
    /// Whether the event is dealt with.
    ///
    /// # Errors
    ///
    /// It is not, and why.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
