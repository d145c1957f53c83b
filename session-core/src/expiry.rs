use std::time::Duration;

use crate::clock::whole_millis;
use crate::{Error, ErrorKind, Result, Timestamp};

/// How long a session lives when nothing else is said: half an hour after its last use.
pub const DEFAULT_IDLE: Duration = Duration::from_secs(1800);

/// How often a session's use is noted when nothing else is said: once a minute.
pub const DEFAULT_TOUCH: Duration = Duration::from_secs(60);

/// When sessions end by themselves: some time after their last use (idle), some time after they began
/// (absolute), whichever of both comes first, or never.
///
/// ```
/// use std::time::Duration;
/// use session_core::Expiry;
///
/// let bank = Expiry::idle(Duration::from_secs(900))?.and_absolute(Duration::from_secs(12 * 3600))?;
/// assert_eq!(bank.idle_timeout(), Some(Duration::from_secs(900)));
/// assert!(Expiry::idle(Duration::ZERO).is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    idle: Option<Duration>,
    absolute: Option<Duration>,
}

impl Expiry {
    /// Ends `timeout` after its last use.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `timeout` is less than a millisecond.
    pub fn idle(timeout: Duration) -> Result<Self> {
        Ok(Self { idle: Some(positive(timeout, "the idle timeout")?), absolute: None })
    }

    /// Ends `timeout` after it began (or after the last sign-in), however much it is used.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `timeout` is less than a millisecond.
    pub fn absolute(timeout: Duration) -> Result<Self> {
        Ok(Self { idle: None, absolute: Some(positive(timeout, "the absolute timeout")?) })
    }

    /// Lives until somebody ends it. It takes room in the store for ever: prefer a long timeout.
    #[must_use]
    pub const fn never() -> Self {
        Self { idle: None, absolute: None }
    }

    /// The same, and ends at the latest `timeout` after it began.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `timeout` is less than a millisecond.
    pub fn and_absolute(self, timeout: Duration) -> Result<Self> {
        Ok(Self { absolute: Some(positive(timeout, "the absolute timeout")?), ..self })
    }

    /// The idle timeout, if there is one.
    #[must_use]
    pub const fn idle_timeout(&self) -> Option<Duration> {
        self.idle
    }

    /// The absolute timeout, if there is one.
    #[must_use]
    pub const fn absolute_timeout(&self) -> Option<Duration> {
        self.absolute
    }
}

/// An expiry of parts that have been checked.
pub(crate) const fn parts(idle: Option<Duration>, absolute: Option<Duration>) -> Expiry {
    Expiry { idle, absolute }
}

impl Default for Expiry {
    fn default() -> Self {
        Self { idle: Some(DEFAULT_IDLE), absolute: None }
    }
}

/// Records hold whole milliseconds; a shorter timeout would be none.
pub(crate) fn positive(timeout: Duration, what: &str) -> Result<Duration> {
    match whole_millis(timeout) {
        0 => Err(Error::new(ErrorKind::Config, format!("{what} must be at least one millisecond"))),
        millis => Ok(Duration::from_millis(millis)),
    }
}

/// How much later than due a use may be noted: the node's setting, but never more than a tenth of the session's
/// own idle timeout.
#[must_use]
pub fn throttle(setting: Duration, idle: Duration) -> Duration {
    Duration::from_millis(whole_millis(setting).min(whole_millis(idle) / 10))
}

/// Where an access at `now` moves the end of a session: `min(now + idle + throttle, end)`.
pub(crate) fn extended(
    idle: Option<Duration>,
    end: Option<Timestamp>,
    now: Timestamp,
    touch: Duration,
) -> Timestamp {
    let end = end.unwrap_or(Timestamp::NEVER);
    match idle {
        Some(idle) => now.saturating_add(idle).saturating_add(throttle(touch, idle)).min(end),
        None => end,
    }
}

/// Whether an access at `now` moves it: `expires_at < min(now + idle, end)`.
pub(crate) fn touch_due(
    idle: Option<Duration>,
    end: Option<Timestamp>,
    expires_at: Timestamp,
    now: Timestamp,
) -> bool {
    let unused = idle.map_or(Timestamp::NEVER, |idle| now.saturating_add(idle));
    expires_at < unused.min(end.unwrap_or(Timestamp::NEVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(1800);
    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_throttle_is_at_most_a_tenth_of_the_idle_timeout() {
        assert_eq!(throttle(MINUTE, IDLE), MINUTE);
        assert_eq!(throttle(MINUTE, Duration::from_secs(10)), Duration::from_secs(1));
        assert_eq!(throttle(Duration::ZERO, IDLE), Duration::ZERO);
    }

    #[test]
    fn a_touch_is_due_once_the_slack_is_used_up_and_moves_the_end_by_idle_and_slack() {
        let expires = extended(Some(IDLE), None, at(0), MINUTE);
        assert_eq!(expires, at(1860));
        assert!(!touch_due(Some(IDLE), None, expires, at(60)));
        assert!(touch_due(Some(IDLE), None, expires, at(61)));
        assert_eq!(extended(Some(IDLE), None, at(61), MINUTE), at(1921));
    }

    #[test]
    fn nothing_moves_a_session_beyond_its_absolute_end() {
        let expires = extended(Some(IDLE), Some(at(1000)), at(500), MINUTE);
        assert_eq!(expires, at(1000));
        assert!(!touch_due(Some(IDLE), Some(at(1000)), expires, at(900)));
    }

    #[test]
    fn a_session_without_an_idle_timeout_is_touched_only_until_it_lives_as_long_as_it_is_to() {
        assert!(!touch_due(None, None, Timestamp::NEVER, at(1)));
        assert!(!touch_due(None, Some(at(9)), at(9), at(1)));
        assert!(touch_due(None, None, at(9), at(1)));
        assert!(touch_due(None, Some(at(9)), at(8), at(1)));
        assert_eq!(extended(None, None, at(1), MINUTE), Timestamp::NEVER);
    }

    #[test]
    fn the_longest_timeout_does_not_overflow() {
        assert_eq!(extended(Some(Duration::MAX), None, at(1), Duration::MAX), Timestamp::NEVER);
        assert!(!touch_due(Some(Duration::MAX), None, Timestamp::NEVER, at(1)));
    }
}
