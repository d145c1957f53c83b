use std::collections::HashMap;
use std::time::Duration;

use super::{Delivered, Receipt, SessionEvent};

/// What was handed out and is not acknowledged yet: for stores that have to remember it themselves.
#[derive(Debug)]
pub struct Inbox {
    again_after: Duration,
    held: HashMap<Receipt, Held>,
}

#[derive(Debug)]
struct Held {
    event: SessionEvent,
    attempt: u32,
    handed_out: Duration,
}

/// More than this that nobody acknowledges, and nothing new is handed out.
const FULL: usize = 10_000;

impl Inbox {
    /// An empty one, whose events are handed out again when they were not acknowledged for so long.
    #[must_use]
    pub fn new(again_after: Duration) -> Self {
        Self { again_after, held: HashMap::new() }
    }

    /// At most `limit` of the events that are due to be handed out again, those first that wait the longest. `now` is
    /// the time since some fixed moment.
    pub fn again(&mut self, limit: usize, now: Duration) -> Vec<Delivered> {
        let is_due = |held: &Held| held.handed_out.saturating_add(self.again_after) <= now;
        let mut due: Vec<_> = self.held.iter_mut().filter(|(_, held)| is_due(held)).collect();
        due.sort_by_key(|(_, held)| held.handed_out);
        let again = due.into_iter().take(limit).map(|(receipt, held)| {
            held.attempt += 1;
            held.handed_out = now;
            Delivered { event: held.event.clone(), receipt: receipt.clone(), attempt: held.attempt }
        });
        again.collect()
    }

    /// How many new events may be handed out when `limit` were asked for and these are handed out again.
    #[must_use]
    pub fn room(&self, limit: usize, again: &[Delivered]) -> usize {
        limit.saturating_sub(again.len()).min(FULL.saturating_sub(self.held.len()))
    }

    /// Hands out a new event.
    pub fn hand_out(&mut self, event: SessionEvent, receipt: Receipt, now: Duration) -> Delivered {
        let held = Held { event: event.clone(), attempt: 1, handed_out: now };
        self.held.insert(receipt.clone(), held);
        Delivered::new(event, receipt)
    }

    /// Forgets what was acknowledged.
    pub fn acknowledge(&mut self, heard: &[Receipt]) {
        for receipt in heard {
            self.held.remove(receipt);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{EventKind, Handle, Timestamp};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn event() -> SessionEvent {
        SessionEvent::new(EventKind::Created, Handle::from_bytes([1; 16]), Timestamp::from_millis(5))
    }

    #[test]
    fn what_is_not_acknowledged_comes_again_after_its_time_and_counts() {
        let mut inbox = Inbox::new(SECOND);
        inbox.hand_out(event(), Receipt::new("later"), SECOND);
        inbox.hand_out(event(), Receipt::new("first"), Duration::ZERO);
        inbox.hand_out(event(), Receipt::new("heard"), Duration::ZERO);
        inbox.acknowledge(&[Receipt::new("heard"), Receipt::new("unknown")]);
        assert_eq!(inbox.again(9, SECOND - Duration::from_millis(1)), []);
        let again = |inbox: &mut Inbox, limit, now| -> Vec<_> {
            let again = inbox.again(limit, now);
            again.into_iter().map(|delivered| (delivered.receipt.to_string(), delivered.attempt)).collect()
        };
        assert_eq!(again(&mut inbox, 1, 2 * SECOND), [("first".to_owned(), 2)]);
        assert_eq!(again(&mut inbox, 9, 2 * SECOND), [("later".to_owned(), 2)]);
        assert_eq!(again(&mut inbox, 9, 3 * SECOND).len(), 2);
    }

    #[test]
    fn the_longest_time_is_for_ever() {
        let mut inbox = Inbox::new(Duration::MAX);
        inbox.hand_out(event(), Receipt::new("once"), SECOND);
        assert_eq!(inbox.again(9, 9 * SECOND), []);
    }

    #[test]
    fn nothing_new_is_handed_out_to_whoever_acknowledges_nothing() {
        let mut inbox = Inbox::new(SECOND);
        for number in 0..FULL - 1 {
            inbox.hand_out(event(), Receipt::new(number.to_string()), Duration::ZERO);
        }
        assert_eq!(inbox.room(5, &[]), 1);
        inbox.hand_out(event(), Receipt::new("last"), Duration::ZERO);
        assert_eq!(inbox.room(5, &[]), 0);
    }
}
