use session_core::Timestamp;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::Tables;
use crate::driver::Driver;
use crate::error::Failure;
use crate::row::COLUMNS;

/// What databases whose operations are transactions differ in.
pub(crate) trait Dialect: Driver {
    /// Where the time comes from.
    type Time: Send + Sync + 'static;

    /// Begins a transaction that is going to write.
    const BEGIN: &'static str;
    /// The server's time in a statement.
    const NOW: &'static str;
    /// At the end of a statement that reads what is going to be written.
    const LOCK: &'static str;
    /// The same, for rows that others may have locked.
    const SKIP_LOCKED: &'static str;
    /// After the values of an attribute that may be there already.
    const UPSERT: &'static str;
    /// How many attributes a statement names at most.
    const BATCH: usize;

    /// The time, where a statement has answered [`NOW`](Self::NOW).
    fn now(time: &Self::Time, answered: Option<i64>) -> Result<Timestamp, Failure>;
}

pub(crate) struct Statements<D> {
    pub(crate) begin: SqlStr,
    pub(crate) now: SqlStr,
    pub(crate) lock: SqlStr,
    pub(crate) load_all: SqlStr,
    pub(crate) load_metadata: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) write: SqlStr,
    pub(crate) value: SqlStr,
    pub(crate) clear: SqlStr,
    pub(crate) dead: SqlStr,
    pub(crate) foreign: SqlStr,
    load_only: String,
    set: String,
    remove: String,
    remove_dead: String,
    dialect: std::marker::PhantomData<fn() -> D>,
}

impl<D: Dialect> Statements<D> {
    pub(crate) fn new(tables: &Tables) -> Self {
        let text = |template: &str| {
            let template = template.replace("{columns}", COLUMNS).replace("{now}", D::NOW);
            let template = template.replace("{lock}", D::LOCK).replace("{skip_locked}", D::SKIP_LOCKED);
            tables.text(&template.replace("{upsert}", D::UPSERT))
        };
        let fill = |template: &str| safe(text(template));
        Self {
            begin: D::BEGIN.into_sql_str(),
            now: fill("SELECT {now}"),
            lock: fill(&format!("{LOAD_METADATA} {{lock}}")),
            load_all: fill(&LOAD.replace("{which}", "")),
            load_metadata: fill(LOAD_METADATA),
            insert: fill(INSERT),
            write: fill(WRITE),
            value: fill("SELECT value FROM {attributes} WHERE session = ? AND name = ? {lock}"),
            clear: fill("DELETE FROM {attributes} WHERE session = ?"),
            dead: fill(DEAD),
            foreign: fill("SELECT 1 FROM {sessions} WHERE locator = ? AND namespace <> ?"),
            load_only: text(&LOAD.replace("{which}", "AND a.name IN ({list})")),
            set: text("INSERT INTO {attributes} (session, name, value) VALUES {list} {upsert}"),
            remove: text("DELETE FROM {attributes} WHERE session = ? AND name IN ({list})"),
            remove_dead: text("DELETE FROM {sessions} WHERE locator IN ({list})"),
            dialect: std::marker::PhantomData,
        }
    }

    /// Takes the names, then the locator.
    pub(crate) fn load_only(&self, names: usize) -> SqlStr {
        listed(&self.load_only, "?", names)
    }

    /// Takes session, name and value of each attribute.
    pub(crate) fn set(&self, attributes: usize) -> SqlStr {
        listed(&self.set, "(?, ?, ?)", attributes)
    }

    /// Takes the session, then the names.
    pub(crate) fn remove(&self, names: usize) -> SqlStr {
        listed(&self.remove, "?", names)
    }

    /// Takes the locators.
    pub(crate) fn remove_sessions(&self, locators: usize) -> SqlStr {
        listed(&self.remove_dead, "?", locators)
    }
}

fn listed(template: &str, item: &str, count: usize) -> SqlStr {
    let list = vec![item; count].join(", ");
    safe(template.replace("{list}", &list))
}

fn safe(sql: String) -> SqlStr {
    AssertSqlSafe(sql).into_sql_str()
}

/// Takes the locator; with `{which}` the names before it.
const LOAD: &str = "
SELECT {columns}, {now}, a.name, a.value
FROM {sessions} AS s LEFT JOIN {attributes} AS a ON a.session = s.locator {which}
WHERE s.locator = ?";

/// Takes the locator.
const LOAD_METADATA: &str = "SELECT {columns}, {now} FROM {sessions} AS s WHERE s.locator = ?";

/// Takes what [`WRITE`] takes, and before it the namespace.
const INSERT: &str = "
INSERT INTO {sessions} (namespace, digest, candidate, candidate_at, previous, previous_until, superseded_at, created_at,
  last_accessed, idle, ends_at, expires_at, renewed_at, principal, ended_at, last_op, locator)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Takes all columns in their order, then the locator. The row is locked and was just read: what did not change is
/// written as it was.
const WRITE: &str = "
UPDATE {sessions} SET digest = ?, candidate = ?, candidate_at = ?, previous = ?, previous_until = ?, superseded_at = ?,
  created_at = ?, last_accessed = ?, idle = ?, ends_at = ?, expires_at = ?, renewed_at = ?, principal = ?, ended_at = ?,
  last_op = ?
WHERE locator = ?";

/// Takes the time and how many.
const DEAD: &str =
    "SELECT locator FROM {sessions} WHERE expires_at <= ? ORDER BY expires_at LIMIT ? {skip_locked}";
