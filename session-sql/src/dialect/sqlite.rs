use sqlx::Sqlite;

use super::transactional::Dialect;

impl Dialect for Sqlite {
    /// Takes the right to write at once: a transaction that began as a reader could only fail when another one has
    /// written meanwhile.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    /// The store has a clock of its own.
    const NOW: &'static str = "NULL";
    const LOCK: &'static str = "";
    const SKIP_LOCKED: &'static str = "";
    const ON_CONFLICT: &'static str = "ON CONFLICT ({key}) DO UPDATE SET";
    const INSERTED: &'static str = "excluded.{column}";
    /// There is no round trip to save, and one statement to prepare.
    const BATCH: usize = 1;
    const NUMBERED: bool = false;
}
