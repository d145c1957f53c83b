use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Clock, Handle};

use crate::slot::Slot;

/// How much longer than needed moka keeps an entry: it measures with a clock of its own, and ours may be put back.
pub(crate) const MARGIN: Duration = Duration::from_secs(600);

/// Tells moka when it may free an entry's memory.
///
/// It must never do so while our clock has the session alive, and it hears nothing of what happens inside a slot.
/// So each look-up leases what the session could possibly need until the next one, and whatever changes that by
/// more than a touch is followed by another look-up. A lease that is long enough stays as it is: moving it costs.
#[derive(Debug)]
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
}

impl Lease {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    fn of(&self, slot: &Slot) -> Option<Duration> {
        slot.needed(self.clock.now())?.checked_add(MARGIN)
    }

    fn renewed(&self, slot: &Slot, left: Option<Duration>) -> Option<Duration> {
        let leased = self.of(slot);
        match (leased, left) {
            (Some(leased), Some(left)) if left + MARGIN >= leased && left <= leased + MARGIN => Some(left),
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
