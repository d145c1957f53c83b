#![allow(dead_code, reason = "each database needs one or the other")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_core::{Clock, Timestamp};

use crate::error::{Failure, unreadable};
use crate::row::moment;

/// Where the time comes from.
pub(crate) enum Time {
    /// The database server tells it.
    Server { start: Instant },
    /// A clock that was passed in.
    Own(Arc<dyn Clock>),
}

impl Time {
    pub(crate) fn of_the_server() -> Self {
        Self::Server { start: Instant::now() }
    }

    /// The time, where a statement that asked for it has answered this.
    pub(crate) fn now(&self, answered: Option<i64>) -> Result<Timestamp, Failure> {
        match self {
            Self::Server { .. } => answered.map(moment).ok_or_else(|| unreadable("the time is missing")),
            Self::Own(clock) => Ok(clock.now()),
        }
    }

    /// Time since some fixed moment, for measuring.
    pub(crate) fn monotonic(&self) -> Duration {
        match self {
            Self::Server { start } => start.elapsed(),
            Self::Own(clock) => clock.monotonic(),
        }
    }
}
