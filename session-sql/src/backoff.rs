use std::time::Duration;

/// Waits between attempts that others were in the way of: a little longer each time, and each node another time.
pub(crate) struct Backoff {
    ceiling: Duration,
}

const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(100);
const SERVER: Duration = Duration::from_millis(100);
const ENDINGS: Duration = Duration::from_millis(10);

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { ceiling: FIRST }
    }

    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.ceiling.mul_f64(fraction())).await;
        self.ceiling = (self.ceiling * 2).min(LONGEST);
    }

    /// Waits after a connection was ended: whoever ends one often ends all, one after the other, and the next of a pool
    /// of the application's would be ended just after it was found to be good.
    pub(crate) async fn wait_for_more_endings() {
        tokio::time::sleep(jittered(ENDINGS)).await;
    }

    /// Waits before another attempt to connect.
    pub(crate) async fn wait_for_a_server() {
        tokio::time::sleep(jittered(SERVER)).await;
    }
}

/// From half of `duration` to one and a half.
pub(crate) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.5 + fraction())
}

/// Anything from 0 to 1. When the system has no random bytes, it is always the same.
fn fraction() -> f64 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX),
        Err(_) => 0.5,
    }
}
