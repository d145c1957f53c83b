use std::fmt;

use async_trait::async_trait;

use super::SessionEvent;
use crate::Result;

/// Who hears an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// One of all that listen under this name, on any node: for what is to be done once. The group begins with its
    /// first member, and goes on while none listens.
    ///
    /// At least once: what a member has not acknowledged in a while, another one hears, or the same one again.
    OneOfGroup(String),
    /// Everybody who listens so: for what each node is to do by itself. Each hears what happens from its own
    /// beginning on, and hears again what it did not acknowledge.
    EveryNode,
}

impl Delivery {
    /// To one of all that listen under this name.
    #[must_use]
    pub fn one_of(group: impl Into<String>) -> Self {
        Self::OneOfGroup(group.into())
    }
}

/// Telling what happens to sessions. A store offers it when it was built to.
///
/// # Contract
///
/// **What is told.** A `create` that begins a session, a `rotate` that is applied, and each end: by `delete`, by `end`
/// of what is alive, by an eviction, by expiry. Nothing else, and nothing of what was refused. That a session has
/// expired is told when a [sweep](crate::Sweep::sweep) finds it.
///
/// **How often.** At least once: by the node that did it, before the operation returns. When that node died at once, or
/// no node was there when a session's time came, a [sweep](crate::Sweep::sweep) tells it soon after.
///
/// **In which order.** One session's events in the order in which its operations returned, as one subscription hears
/// them for the first time.
///
/// **No operation that was carried out fails** because of its event. One that could not be told of in the end may be
/// refused: a `create`, another timeout.
#[async_trait]
pub trait Events: Send + Sync {
    /// Begins to listen. Nothing waits in a subscription that is not asked: it costs nothing but what the store
    /// remembers anyway, and is ended by dropping it.
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>>;
}

/// Somebody who listens.
#[async_trait]
pub trait Subscription: Send + Sync {
    /// At most `limit` events that wait to be heard, those first that are handed out again. Empty: none at the
    /// moment. Never waits for one to happen.
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>>;

    /// Waits until something may wait to be heard, where the store can tell; elsewhere for ever. A hint, which may come
    /// for nothing, late or never: whoever waits for it asks every now and then all the same. Dropping the future loses
    /// nothing.
    async fn woken(&mut self);

    /// These have been heard, and are not to be handed out again.
    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()>;
}

/// An event that is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivered {
    /// What happened.
    pub event: SessionEvent,
    /// What acknowledges it.
    pub receipt: Receipt,
    /// How often it has been handed out, this time included.
    pub attempt: u32,
}

impl Delivered {
    /// An event that is handed out for the first time.
    #[must_use]
    pub const fn new(event: SessionEvent, receipt: Receipt) -> Self {
        Self { event, receipt, attempt: 1 }
    }
}

/// What acknowledges an event: a text that only the store understands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt(Box<str>);

impl Receipt {
    /// The receipt with this text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The receipt's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
