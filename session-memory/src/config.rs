use std::sync::Arc;

use session_core::{Clock, EventSettings, SystemClock};

use crate::MemoryStore;
use crate::lease::MARGIN;

/// How many sessions a store holds when nothing else is said.
pub const DEFAULT_MAX_SESSIONS: u64 = 100_000;

/// Settings of a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct Builder {
    max_sessions: u64,
    clock: Arc<dyn Clock>,
    events: Option<EventSettings>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { max_sessions: DEFAULT_MAX_SESSIONS, clock: Arc::new(SystemClock::new()), events: None }
    }
}

impl Builder {
    /// How many sessions the store holds, at least one; [`DEFAULT_MAX_SESSIONS`] when nothing is said. An ended
    /// session counts for two minutes more.
    ///
    /// Beyond it the session that was not used for the longest time is evicted.
    #[must_use]
    pub fn max_sessions(self, max_sessions: u64) -> Self {
        Self { max_sessions: max_sessions.max(1), ..self }
    }

    /// The clock that decides what has expired; the operating system's when nothing is said.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Tells what happens to sessions; not, when nothing is said. Whoever listens falls behind by
    /// [`capacity`](EventSettings::capacity) events at most: what it then misses is counted in
    /// [`missed_events`](MemoryStore::missed_events). While nobody listens nothing is remembered.
    #[must_use]
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }
    }

    /// A store with these settings, and nothing in it.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore::with_settings(self.max_sessions, self.clock, self.events, MARGIN)
    }
}
