use session_core::Timestamp;

use crate::row::{column, moment};

/// How far somebody who listens has come in the numbers of the events.
///
/// Numbers are given when events are written and seen when they are committed: a smaller one may be seen after a larger
/// one. What was passed over is looked for once more for a while; a number whose transaction was rolled back never
/// comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// All numbers up to this one have been seen, or are late, or do not come.
    pub(crate) after: i64,
    /// Those that were passed over, and when that was noticed.
    late: Vec<Late>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Late {
    number: i64,
    since: Timestamp,
}

/// No operation is under way for longer, in milliseconds.
const PATIENCE: u64 = 60_000;
/// How many are looked for at most: the newest.
const MOST: usize = 1000;

impl Cursor {
    pub(crate) fn at(after: i64) -> Self {
        Self { after, late: Vec::new() }
    }

    /// Where somebody begins to look around when this is the newest number: what was given a smaller one may be seen
    /// later.
    pub(crate) fn shortly_before(newest: i64) -> Self {
        Self::at((newest - i64::try_from(MOST).unwrap_or(i64::MAX)).max(0))
    }

    /// As [`encoded`](Self::encoded) has written what is late.
    pub(crate) fn decoded(after: i64, late: &[u8]) -> Self {
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_be_bytes);
        let late = late
            .chunks_exact(16)
            .map(|both| Late { number: number(&both[..8]), since: moment(number(&both[8..])) });
        Self { after, late: late.collect() }
    }

    pub(crate) fn encoded(&self) -> Vec<u8> {
        let late = self.late.iter();
        late.flat_map(|late| [late.number.to_be_bytes(), column(late.since).to_be_bytes()])
            .flatten()
            .collect()
    }

    pub(crate) fn late(&self) -> impl Iterator<Item = i64> {
        self.late.iter().map(|late| late.number)
    }

    /// This number has been seen at last.
    pub(crate) fn arrived(&mut self, number: i64) {
        self.late.retain(|late| late.number != number);
    }

    /// This number, larger than all before, has been seen.
    pub(crate) fn passed(&mut self, number: i64, now: Timestamp) {
        let first = (self.after + 1).max(number - i64::try_from(MOST).unwrap_or(i64::MAX));
        self.late.extend((first..number).map(|number| Late { number, since: now }));
        let surplus = self.late.len().saturating_sub(MOST);
        self.late.drain(..surplus);
        self.after = number;
    }

    /// Gives up what has been late for too long.
    pub(crate) fn give_up(&mut self, now: Timestamp) {
        self.late.retain(|late| now.as_millis() < late.since.as_millis().saturating_add(PATIENCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_was_passed_over_is_late_until_it_arrives_or_is_given_up() {
        let mut cursor = Cursor::at(5);
        cursor.passed(6, at(1));
        cursor.passed(9, at(1));
        assert_eq!(cursor.late().collect::<Vec<_>>(), [7, 8]);
        cursor.arrived(7);
        assert_eq!((cursor.after, cursor.late().collect::<Vec<_>>()), (9, vec![8]));
        cursor.give_up(at(PATIENCE));
        assert_eq!(cursor.late().count(), 1);
        cursor.give_up(at(PATIENCE + 1));
        assert_eq!(cursor, Cursor::at(9));
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let mut cursor = Cursor::at(0);
        cursor.passed(3, at(7));
        assert_eq!(Cursor::decoded(3, &cursor.encoded()), cursor);
    }

    #[test]
    fn only_the_newest_of_many_are_looked_for() {
        let mut cursor = Cursor::at(0);
        cursor.passed(1_000_000_000_000, at(1));
        cursor.passed(1_000_000_000_010, at(1));
        assert_eq!((cursor.late().count(), cursor.late().last()), (MOST, Some(1_000_000_000_009)));
    }
}
