use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Measures what something took on a machine that may be busy: it stands still while the machine is late.
///
/// A thread sleeps for some milliseconds again and again. By how much it is woken too late, nobody else was woken in
/// time either, and that is no fault of what is measured. So a limit can be exact, and hold on a starved machine, too.
///
/// ```
/// use std::time::Duration;
/// use session_testkit::Stopwatch;
///
/// let watch = Stopwatch::start();
/// // … an operation …
/// assert!(watch.elapsed() < Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    begun: Instant,
    late: Duration,
}

impl Stopwatch {
    /// A stopwatch that runs.
    #[must_use]
    pub fn start() -> Self {
        let begun = Instant::now();
        Self { begun, late: late_until(begun) }
    }

    /// How much time has passed since the start, but for what the machine was late by meanwhile.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        let now = Instant::now();
        now.duration_since(self.begun).saturating_sub(late_until(now).saturating_sub(self.late))
    }

    /// Waits until so much has passed since the start.
    pub async fn reaches(&self, elapsed: Duration) {
        while let Some(left) = elapsed.checked_sub(self.elapsed()).filter(|left| !left.is_zero()) {
            tokio::time::sleep(left).await;
        }
    }
}

/// By how much this process' machine was late up to now, all in all.
fn late_until(now: Instant) -> Duration {
    static LATENESS: LazyLock<Arc<Mutex<Lateness>>> = LazyLock::new(watch);
    LATENESS.lock().expect("nothing panics while it looks at a clock").until(now)
}

/// How long the watching thread sleeps at a time.
const NAP: Duration = Duration::from_millis(5);
/// What an idle machine is late by, too.
const USUAL: Duration = Duration::from_millis(1);

fn watch() -> Arc<Mutex<Lateness>> {
    let lateness = Arc::new(Mutex::new(Lateness { sum: Duration::ZERO, due: Instant::now() + NAP }));
    let watched = Arc::clone(&lateness);
    thread::spawn(move || {
        loop {
            thread::sleep(NAP);
            watched.lock().expect("nothing panics while it looks at a clock").woken(Instant::now());
        }
    });
    lateness
}

struct Lateness {
    sum: Duration,
    due: Instant,
}

impl Lateness {
    /// The thread that should have been woken when it was due is awake now, and goes to sleep again.
    fn woken(&mut self, now: Instant) {
        self.sum = self.until(now);
        self.due = now + NAP;
    }

    fn until(&self, now: Instant) -> Duration {
        let late = now.saturating_duration_since(self.due);
        if late > USUAL { self.sum + late } else { self.sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn what_the_thread_is_woken_too_late_by_is_added_up() {
        let begun = Instant::now();
        let mut lateness = Lateness { sum: Duration::ZERO, due: begun + NAP };
        lateness.woken(begun + NAP + 30 * MILLI);
        lateness.woken(begun + NAP + 30 * MILLI + NAP + 12 * MILLI);
        assert_eq!(lateness.sum, 42 * MILLI);
    }

    #[test]
    fn what_it_has_overslept_already_counts_while_it_still_sleeps() {
        let begun = Instant::now();
        let lateness = Lateness { sum: 7 * MILLI, due: begun + NAP };
        assert_eq!(lateness.until(begun + 3 * MILLI), 7 * MILLI);
        assert_eq!(lateness.until(begun + NAP + 500 * MILLI), 507 * MILLI);
    }

    #[test]
    fn what_an_idle_machine_is_late_by_is_no_lateness() {
        let begun = Instant::now();
        let mut lateness = Lateness { sum: Duration::ZERO, due: begun + NAP };
        lateness.woken(begun + NAP + USUAL);
        assert_eq!(lateness.sum, Duration::ZERO);
    }
}
