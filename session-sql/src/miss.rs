use std::time::Duration;

use session_core::{Access, Load, Renewed, Saved, Swapped, Taken, Timestamp};

/// Why a presented id matches nothing.
#[derive(Clone, Copy)]
pub(crate) enum Miss {
    Gone,
    Absent,
}

impl Miss {
    /// The miss of a request that finds nothing at all.
    pub(crate) fn of_nothing(access: Access) -> Self {
        if access.is_older_than_tombstones() { Self::Gone } else { Self::Absent }
    }

    /// The miss of a request after what happened at `moment`.
    pub(crate) fn over_head(access: Access, moment: Timestamp, window: Duration, now: Timestamp) -> Self {
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

answers! { Load Saved Taken Swapped Renewed }
