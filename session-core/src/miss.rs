use std::time::Duration;

use crate::{Access, Load, Renewed, Saved, SignedIn, Swapped, Taken, Timestamp};

/// Why a presented id matches nothing: what a store decides for every operation, before it becomes that operation's
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "contract: no `_ =>` may hide a case")]
pub enum Miss {
    /// The session was ended or rotated over this request's head.
    Gone,
    /// There is no such session.
    Absent,
}

impl Miss {
    /// The miss of a request that finds nothing at all: neither a record nor a tombstone.
    #[must_use]
    pub fn of_nothing(access: Access) -> Self {
        if access.is_older_than_tombstones() { Self::Gone } else { Self::Absent }
    }

    /// The miss of a request after what happened at `moment`, which is remembered for `window`.
    #[must_use]
    pub fn over_head(access: Access, moment: Timestamp, window: Duration, now: Timestamp) -> Self {
        if access.is_over_its_head(moment, window, now) { Self::Gone } else { Self::Absent }
    }
}

macro_rules! answers {
    ($($answer:ident)*) => {$(
        impl From<Miss> for $answer {
            fn from(miss: Miss) -> Self {
                match miss {
                    Miss::Gone => Self::Gone,
                    Miss::Absent => Self::Absent,
                }
            }
        }
    )*};
}

answers! { Load Saved Taken Swapped Renewed SignedIn }
