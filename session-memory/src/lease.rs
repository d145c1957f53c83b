use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Clock, Handle};

use crate::slot::Slot;

/// How much longer than needed moka keeps an entry at least: it measures with a clock of its own, and ours may be put back.
pub(crate) const MARGIN: Duration = Duration::from_secs(600);

/// Tells moka when it may free an entry's memory.
///
/// It must never do so while our clock has the session alive, and it hears nothing of what happens inside a slot.
/// So each look-up leases what the session could possibly need until the next one, and whatever changes that by
/// more than a touch is followed by another look-up. A lease that is long enough stays as it is: moving it costs.
#[derive(Debug)]
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
    margin: Duration,
}

impl Lease {
    pub(crate) fn new(clock: Arc<dyn Clock>, margin: Duration) -> Self {
        Self { clock, margin }
    }

    fn of(&self, slot: &Slot) -> Option<Duration> {
        slot.needed(self.clock.now())?.checked_add(2 * self.margin)
    }

    fn renewed(&self, slot: &Slot, left: Option<Duration>) -> Option<Duration> {
        let leased = self.of(slot);
        match (leased, left) {
            (Some(leased), Some(left)) if left.abs_diff(leased) <= self.margin => Some(left),
            _ => leased,
        }
    }
}

impl moka::Expiry<Handle, Arc<Slot>> for Lease {
    fn expire_after_create(&self, _: &Handle, slot: &Arc<Slot>, _: Instant) -> Option<Duration> {
        self.of(slot)
    }

    fn expire_after_read(
        &self,
        _: &Handle,
        slot: &Arc<Slot>,
        _: Instant,
        left: Option<Duration>,
        _: Instant,
    ) -> Option<Duration> {
        self.renewed(slot, left)
    }

    fn expire_after_update(
        &self,
        _: &Handle,
        slot: &Arc<Slot>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.of(slot)
    }
}

#[cfg(test)]
mod tests {
    use session_core::{Access, Changes, Digest, Expiry, Load, NewRecord, Record, Select, Timestamp};

    use session_testkit::ManualClock;

    use super::*;

    const DIGEST: Digest = Digest::from_bytes([7; 16]);
    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        ManualClock::new().now()
    }

    fn slot(expiry: Expiry) -> Slot {
        Slot::live(DIGEST, &NewRecord::new(expiry), access(), now())
    }

    /// A node whose throttle is as long as it can be.
    fn access() -> Access {
        Access::new(Duration::ZERO, Duration::MAX)
    }

    fn lives_for(slot: &Slot) -> Duration {
        match slot.load(&DIGEST, Select::Metadata, access(), now()) {
            Load::Live { record, .. } => record.expires_at.since(now()),
            dead => panic!("{dead:?}"),
        }
    }

    fn lease() -> Lease {
        Lease::new(Arc::new(ManualClock::new()), MARGIN)
    }

    fn all() -> Vec<Expiry> {
        let idle = |seconds| Expiry::idle(Duration::from_secs(seconds)).unwrap();
        vec![
            Expiry::idle(Duration::from_millis(1)).unwrap(),
            idle(1800),
            idle(400 * 24 * 3600),
            idle(1800).and_absolute(HOUR).unwrap(),
            idle(7200).and_absolute(HOUR).unwrap(),
            Expiry::absolute(HOUR).unwrap(),
        ]
    }

    #[test]
    fn a_lease_is_never_shorter_than_the_session_can_live_until_the_next_look_up() {
        for expiry in all() {
            let record = Record::new(&NewRecord::new(expiry), now(), access().touch());
            let almost_at_its_end = record.expires_at.since(now()).saturating_sub(Duration::from_millis(1));
            for age in [Duration::ZERO, almost_at_its_end / 2, almost_at_its_end] {
                let slot = Slot::live(DIGEST, &NewRecord::new(expiry), access(), now().saturating_sub(age));
                let leased = lease().of(&slot).unwrap();
                assert!(leased >= lives_for(&slot) + MARGIN, "{expiry:?} after {age:?}");
                slot.touch(&DIGEST, access(), now());
                assert_eq!(leased, lives_for(&slot) + 2 * MARGIN, "{expiry:?} touched after {age:?}");
            }
        }
    }

    #[test]
    fn a_lease_that_is_long_enough_stays_and_a_shorter_one_is_renewed() {
        for expiry in all() {
            let slot = slot(expiry);
            let leased = lease().of(&slot).unwrap();
            assert_eq!(lease().renewed(&slot, Some(leased)), Some(leased));
            assert_eq!(lease().renewed(&slot, Some(leased - MARGIN)), Some(leased - MARGIN));
            let short = leased - MARGIN - Duration::from_millis(1);
            assert_eq!(lease().renewed(&slot, Some(short)), Some(leased), "{expiry:?}");
        }
    }

    #[test]
    fn a_session_that_never_ends_has_no_lease_until_it_is_ended() {
        let slot = slot(Expiry::never());
        assert_eq!(lease().of(&slot), None);
        assert_eq!(lease().renewed(&slot, Some(HOUR)), None);
        let op = session_core::OpId::generate(&session_core::OsRandom::default()).unwrap();
        assert!(slot.end(op, session_core::Reason::Ended, now()));
        assert_eq!(lease().renewed(&slot, None), Some(session_core::TOMBSTONE_LIFE + 2 * MARGIN));
    }

    #[test]
    fn another_timeout_is_another_lease() {
        let slot = slot(Expiry::idle(Duration::from_secs(1)).unwrap());
        let short = lease().of(&slot);
        let mut changes = Changes::new();
        changes.idle = Some(Some(HOUR));
        slot.save(&DIGEST, &changes, access(), now());
        let long = lease().renewed(&slot, short).unwrap();
        assert!(long >= lives_for(&slot) && long > HOUR);
        changes.idle = Some(Some(Duration::from_secs(1)));
        slot.save(&DIGEST, &changes, access(), now());
        assert_eq!(lease().renewed(&slot, Some(long)), short);
    }
}
