use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use session_core::Timestamp;

/// What the server's clock shows, as this node knows it without asking.
///
/// It is never ahead of the server's by more than that one was set back, so that no session is taken for expired
/// too early; it lags behind by at most the round trip of the quickest answer.
#[derive(Debug)]
pub(crate) struct StoreClock {
    start: Instant,
    /// The server's milliseconds since 1970 at `start`.
    offset: AtomicU64,
}

impl StoreClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), offset: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.offset.load(Ordering::Relaxed) + self.elapsed(Instant::now()))
    }

    /// The server read its clock as `shown`, at some moment between `sent` and now.
    pub(crate) fn observe(&self, shown: u64, sent: Instant) {
        let earliest = shown.saturating_sub(self.elapsed(Instant::now()));
        let latest = shown.saturating_sub(self.elapsed(sent));
        let offset = self.offset.load(Ordering::Relaxed);
        if offset < earliest || offset > latest {
            self.offset.store(earliest, Ordering::Relaxed);
        }
    }

    fn elapsed(&self, moment: Instant) -> u64 {
        let elapsed = moment.saturating_duration_since(self.start);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_takes_the_latest_offset_that_an_answer_proves_and_follows_a_clock_set_back() {
        let clock = StoreClock { start: Instant::now() - Duration::from_secs(10), offset: AtomicU64::new(0) };
        let long_ago = clock.start + Duration::from_secs(9);
        clock.observe(1_000_000, long_ago);
        let slow = clock.now();
        assert!(slow >= Timestamp::from_millis(1_000_000));

        clock.observe(1_000_500, Instant::now());
        assert!(clock.now() >= slow.saturating_add(Duration::from_millis(500)));

        clock.observe(1_000_100, long_ago);
        assert!(clock.now() >= Timestamp::from_millis(1_000_500), "a slow answer proves nothing new");

        clock.observe(500_000, Instant::now());
        assert!(clock.now() < Timestamp::from_millis(501_000));
    }
}
