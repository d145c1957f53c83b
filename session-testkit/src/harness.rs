use std::env;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use session_core::{EventSettings, SessionStore};

/// What the cases need to know of the store that they test. Each case gets a harness of its own.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The store, with nothing in it when the harness is new. Called again it may be another client of the same
    /// store, as another node is: the cases race one against the other.
    fn store(&self) -> Arc<dyn SessionStore>;

    /// Lets `by` pass, as the store sees it: moves the clock that was passed in, or really waits where the store's
    /// own clock decides. The cases ask for some [`tick`](Self::tick)s at once.
    async fn advance(&self, by: Duration);

    /// Lets a long time pass, up to some minutes; only the cases of the group `long_waits` ask for it.
    ///
    /// It is the same as [`advance`](Self::advance) when nothing else is said. A store whose own clock decides can
    /// move all times that it has stored *back* by as much, instead of waiting. (If it waits:
    /// `cargo test -- --skip ::long_waits::` leaves these cases out, and says how many it left out.)
    async fn skip(&self, by: Duration) {
        self.advance(by).await;
    }

    /// The store once more, with nothing in it at first, built to tell these events. Called again it may be another
    /// client of it. `None`: this store tells none.
    ///
    /// What [`advance`](Self::advance), [`skip`](Self::skip) and [`leftovers`](Self::leftovers) say holds for it, too;
    /// what it remembers of events is not left over.
    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>>;

    /// How many keys, rows or entries the store holds for sessions, live or not, and for anything else that it
    /// wrote for them.
    async fn leftovers(&self) -> usize;

    /// The shortest time that the cases may rely on: what has a few of these left is alive, however busy the
    /// machine is. 250 ms when nothing is said. Where waiting is free a longer one makes the cases surer.
    fn tick(&self) -> Duration {
        Duration::from_millis(250)
    }

    /// How often a race is run: as often as [`races`] says. Races of 64 are run a hundredth of it.
    fn repetitions(&self) -> usize {
        races()
    }
}

/// How often a race is to be run: the environment's `SESSION_RACES`, or 10 000 times.
#[must_use]
pub fn races() -> usize {
    let setting = env::var("SESSION_RACES").ok();
    setting.map_or(10_000, |text| text.parse().expect("SESSION_RACES is a number"))
}
