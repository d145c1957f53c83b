use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_core::{Clock, Timestamp};

/// 2030-01-01T00:00:00Z: a fixed date, so that a failure reads the same each time.
const START: u64 = 1_893_456_000_000;

/// A clock that stands still until it is moved. A clone is the same clock.
///
/// ```
/// use std::time::Duration;
/// use session_core::Clock;
/// use session_testkit::ManualClock;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(before), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    times: Arc<Times>,
}

#[derive(Debug)]
struct Times {
    now: AtomicU64,
    monotonic: AtomicU64,
}

impl ManualClock {
    /// A clock that shows the beginning of the year 2030, UTC.
    #[must_use]
    pub fn new() -> Self {
        Self { times: Arc::new(Times { now: AtomicU64::new(START), monotonic: AtomicU64::new(0) }) }
    }

    /// Lets `by` pass, in whole milliseconds: the time of day and the measured time move on.
    pub fn advance(&self, by: Duration) {
        let millis = millis(by);
        self.times.now.fetch_add(millis, Ordering::SeqCst);
        self.times.monotonic.fetch_add(millis, Ordering::SeqCst);
    }

    /// Puts the time of day back, as a correction does. The measured time stays as it is.
    pub fn set_back(&self, by: Duration) {
        self.times.now.fetch_sub(millis(by), Ordering::SeqCst);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a clock is moved by less than the age of the universe")
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.times.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.times.monotonic.load(Ordering::SeqCst))
    }
}
