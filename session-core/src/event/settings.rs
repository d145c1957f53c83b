use std::sync::Arc;
use std::time::Duration;

use crate::{Attributes, Name};

/// What a store is to tell of its sessions, and how long it remembers what it told. All nodes that share a store
/// are to have the same.
///
/// ```
/// use session_core::EventSettings;
///
/// let settings = EventSettings::new().attributes(["tenant", "cart"]);
/// assert!(settings.names().iter().any(|name| &**name == "tenant"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    attributes: Arc<[Name]>,
    capacity: usize,
    again_after: Duration,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { attributes: Arc::default(), capacity: 100_000, again_after: Duration::from_secs(30) }
    }
}

impl EventSettings {
    /// Events that carry no attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The attributes that events carry, as far as the session has them. Default: none. Each is kept as long as the
    /// event is, by whoever reads it, too: choose what a log may hold.
    #[must_use]
    pub fn attributes<N: Into<Name>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Self { attributes: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// How many events the store remembers, about. Default: 100 000. Beyond it the oldest are forgotten, whether
    /// anybody has heard them or not.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: capacity.max(1), ..self }
    }

    /// When an event that was handed out and not acknowledged is handed out again. Default: after 30 seconds.
    #[must_use]
    pub fn again_after(self, again_after: Duration) -> Self {
        Self { again_after, ..self }
    }

    /// The names of the attributes that events carry.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.attributes
    }

    /// How many events the store remembers, about.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.capacity
    }

    /// When an event that was not acknowledged is handed out again.
    #[must_use]
    pub fn handed_out_again_after(&self) -> Duration {
        self.again_after
    }

    /// Those of these attributes that events carry.
    #[must_use]
    pub fn chosen_of(&self, attributes: &Attributes) -> Attributes {
        let found = self.attributes.iter().filter_map(|name| attributes.get_key_value(name));
        found.map(|(name, value)| (Arc::clone(name), value.clone())).collect()
    }
}
