use sqlx::MySql;

use super::transactional::Dialect;

impl Dialect for MySql {
    /// The isolation is that of this transaction alone, so that it may be another one for the rest of a pool that the
    /// application shares with the store.
    const BEGIN: &'static str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION";
    const NOW: &'static str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000";
    const LOCK: &'static str = "FOR UPDATE";
    const SKIP_LOCKED: &'static str = "FOR UPDATE SKIP LOCKED";
    const ON_CONFLICT: &'static str = "ON DUPLICATE KEY UPDATE";
    const INSERTED: &'static str = "VALUES({column})";
    const BATCH: usize = 32;
    const NUMBERED: bool = false;
}
