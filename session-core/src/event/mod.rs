use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::codec::{self, Codec, JsonCodec};
use crate::{Attributes, Handle, Principal, Record, Result, Timestamp};

mod deliver;
mod inbox;
mod listener;
mod settings;
mod subscription;

pub use deliver::{DELIVERY_ATTEMPTS, Deliveries, ListenerFailure};
pub use inbox::Inbox;
pub use listener::{EventListener, Outcome};
pub use settings::EventSettings;
pub use subscription::{Delivered, Delivery, Events, Receipt, Subscription};

/// What happened to a session, somewhere: on this node or on another one.
#[derive(Clone)]
#[non_exhaustive]
pub struct SessionEvent {
    /// What it was.
    pub kind: EventKind,
    /// Which session it happened to.
    pub handle: Handle,
    /// Whose session it was, as the record had it last.
    pub principal: Option<Principal>,
    /// Those of the [attributes that were chosen](EventSettings::attributes) that the session had, as it had them
    /// last.
    pub attributes: Attributes,
    /// When, by the store's clock. That a session has expired is told some time after it has.
    pub at: Timestamp,
    codec: Option<Arc<dyn Codec>>,
}

/// What can happen to a session. Reading, changing and touching one is no event, nor is a routine renewal of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// It began.
    Created,
    /// It was given a new id, by `rotate` or `sign_in`. The handle stays.
    Rotated,
    /// It was ended before its time.
    Deleted(Reason),
    /// It ended by itself.
    Expired,
}

/// Why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A request of its own has invalidated it: a logout.
    Invalidated,
    /// Somebody has ended it by its handle.
    Ended,
    /// It had to make room: for another session of its principal, or in a store that was full.
    Evicted,
    /// Its principal was logged out everywhere.
    Revoked,
}

impl EventKind {
    const WORDS: [(Self, &'static str); 7] = [
        (Self::Created, "created"),
        (Self::Rotated, "rotated"),
        (Self::Deleted(Reason::Invalidated), "invalidated"),
        (Self::Deleted(Reason::Ended), "ended"),
        (Self::Deleted(Reason::Evicted), "evicted"),
        (Self::Deleted(Reason::Revoked), "revoked"),
        (Self::Expired, "expired"),
    ];

    /// The word for it, as stores and logs have it: `created`, `rotated`, `expired`, or the reason of a delete,
    /// `invalidated`, `ended`, `evicted` or `revoked`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let word = Self::WORDS.into_iter().find(|(kind, _)| *kind == self);
        word.map_or("", |(_, word)| word)
    }

    /// The kind that this is the word for. `None`: a later version knows it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find(|(_, known)| *known == word).map(|(kind, _)| kind)
    }

    /// Whether it is the last that happens to a session.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Deleted(_) | Self::Expired)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SessionEvent {
    /// This happened to an anonymous session without attributes. For stores, which fill in the rest.
    #[must_use]
    pub const fn new(kind: EventKind, handle: Handle, at: Timestamp) -> Self {
        Self { kind, handle, principal: None, attributes: Attributes::new(), at, codec: None }
    }

    /// The same with what is to be told of this record.
    #[must_use]
    pub fn about(self, record: &Record, settings: &EventSettings) -> Self {
        let principal = record.principal.clone();
        Self { principal, attributes: settings.chosen_of(&record.attributes), ..self }
    }

    /// Decodes one of the attributes. `None`: the session did not have it, or it was not chosen.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Undecodable`](crate::ErrorKind::Undecodable) when it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let codec = self.codec.as_deref().unwrap_or(&JsonCodec);
        self.attributes.get(name).map(|bytes| codec::decode(codec, bytes)).transpose()
    }

    fn with_codec(self, codec: &Arc<dyn Codec>) -> Self {
        Self { codec: Some(Arc::clone(codec)), ..self }
    }
}

impl PartialEq for SessionEvent {
    fn eq(&self, other: &Self) -> bool {
        let Self { kind, handle, principal, attributes, at, codec: _ } = self;
        (kind, handle, principal, attributes, at)
            == (&other.kind, &other.handle, &other.principal, &other.attributes, &other.at)
    }
}

impl Eq for SessionEvent {}

/// The attributes' names alone.
impl fmt::Debug for SessionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvent")
            .field("kind", &self.kind)
            .field("handle", &self.handle)
            .field("principal", &self.principal)
            .field("attributes", &self.attributes.keys())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> SessionEvent {
        let mut event =
            SessionEvent::new(EventKind::Expired, Handle::from_bytes([1; 16]), Timestamp::from_millis(5));
        event.attributes.insert("tenant".into(), r#""hunter2""#.into());
        event
    }

    #[test]
    fn each_kind_has_its_word_and_each_word_its_kind() {
        for (kind, word) in EventKind::WORDS {
            assert_eq!((kind.as_str(), EventKind::from_word(word)), (word, Some(kind)));
        }
        assert_eq!(EventKind::from_word("migrated"), None);
    }

    #[test]
    fn an_attribute_is_decoded_or_not_there_or_an_error() {
        assert_eq!(event().get::<String>("tenant").unwrap().as_deref(), Some("hunter2"));
        assert_eq!(event().get::<String>("other").unwrap(), None);
        assert!(event().get::<u8>("tenant").is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let text = format!("{:?}", event());
        assert!(text.contains("tenant") && !text.contains("hunter2"), "{text}");
    }
}
