use session_core::Timestamp;
use sqlx::MySql;

use super::transactional::Dialect;
use crate::error::{Failure, unreadable};
use crate::row::moment;

impl Dialect for MySql {
    type Time = ();

    /// The isolation is that of this transaction alone, so that it may be another one for the rest of a pool that the
    /// application shares with the store.
    const BEGIN: &'static str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION";
    const NOW: &'static str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000";
    const LOCK: &'static str = "FOR UPDATE";
    const SKIP_LOCKED: &'static str = "FOR UPDATE SKIP LOCKED";
    const UPSERT: &'static str = "ON DUPLICATE KEY UPDATE value = VALUES(value)";
    const BATCH: usize = 32;

    fn now((): &(), answered: Option<i64>) -> Result<Timestamp, Failure> {
        answered.map(moment).ok_or_else(|| unreadable("the time is missing"))
    }
}
