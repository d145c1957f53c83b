use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use session_core::Timestamp;

/// What the server's clock shows, as this node knows it without asking.
///
/// It is never ahead, so that no session is taken for expired too early; it lags behind by at most the round trip
/// of the quickest answer. When the server's clock is set back, the next answer that tells the time corrects it.
#[derive(Debug)]
pub(crate) struct StoreClock {
    start: Instant,
    /// The server's microseconds since 1970 at `start`, at least.
    offset: AtomicU64,
}

impl StoreClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), offset: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let micros = self.offset.load(Ordering::Relaxed) + self.elapsed(Instant::now());
        Timestamp::from_millis(micros / 1000)
    }

    /// The server's clock showed this millisecond at some moment between `sent` and now.
    pub(crate) fn observe(&self, shown: u64, sent: Instant) {
        let micros = shown.saturating_mul(1000);
        let earliest = micros.saturating_sub(self.elapsed(Instant::now()));
        let latest = micros.saturating_add(999).saturating_sub(self.elapsed(sent));
        let offset = self.offset.load(Ordering::Relaxed);
        if offset < earliest || offset > latest {
            self.offset.store(earliest, Ordering::Relaxed);
        }
    }

    fn elapsed(&self, moment: Instant) -> u64 {
        let elapsed = moment.saturating_duration_since(self.start);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn it_takes_the_latest_time_that_an_answer_proves() {
        let clock = StoreClock { start: Instant::now() - Duration::from_secs(10), offset: AtomicU64::new(0) };
        let long_ago = clock.start + Duration::from_secs(9);
        clock.observe(1_000_000, long_ago);
        assert!(at(1_000_000) <= clock.now() && clock.now() < at(1_000_400));

        clock.observe(1_000_500, Instant::now());
        assert!(at(1_000_500) <= clock.now() && clock.now() < at(1_000_900));

        clock.observe(1_000_100, long_ago);
        assert!(clock.now() >= at(1_000_500), "an answer that took long proves nothing new");
    }

    #[test]
    fn it_follows_a_clock_that_was_set_back() {
        let clock = StoreClock::new();
        clock.observe(1_000_000, Instant::now());
        clock.observe(500_000, Instant::now());
        assert!(at(500_000) <= clock.now() && clock.now() < at(500_400));
    }

    #[test]
    fn it_is_never_ahead_of_the_server_not_even_by_a_rounded_millisecond() {
        let clock = StoreClock::new();
        // A server whose clock shows 1 000 000 at the start.
        let server = || 1_000_000 + clock.start.elapsed().as_micros() / 1000;
        for _ in 0..20_000 {
            let sent = Instant::now();
            clock.observe(u64::try_from(server()).unwrap(), sent);
            let now = clock.now();
            assert!(u128::from(now.as_millis()) <= server());
        }
    }
}
