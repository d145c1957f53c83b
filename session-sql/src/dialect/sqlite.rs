use std::sync::Arc;

use session_core::{Clock, Timestamp};
use sqlx::Sqlite;

use super::transactional::Dialect;
use crate::error::Failure;

impl Dialect for Sqlite {
    type Time = Arc<dyn Clock>;

    /// Takes the right to write at once: a transaction that began as a reader could only fail when another one has
    /// written meanwhile.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const NOW: &'static str = "NULL";
    const LOCK: &'static str = "";
    const SKIP_LOCKED: &'static str = "";
    const UPSERT: &'static str = "ON CONFLICT (session, name) DO UPDATE SET value = excluded.value";
    const BATCH: usize = 1;

    fn now(clock: &Self::Time, _: Option<i64>) -> Result<Timestamp, Failure> {
        Ok(clock.now())
    }
}
