use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::Tables;
use crate::driver::Driver;
use crate::row::COLUMNS;

/// What the databases differ in where an operation is a transaction.
pub(crate) trait Dialect: Driver {
    /// Begins a transaction that is going to write.
    const BEGIN: &'static str;
    /// The server's time in a statement.
    const NOW: &'static str;
    /// At the end of a statement that reads what is going to be written.
    const LOCK: &'static str;
    /// The same, for rows that others may have locked: they are left out.
    const SKIP_LOCKED: &'static str;
    /// Before what is done with a row that is there already; `{key}` is its key.
    const ON_CONFLICT: &'static str;
    /// The value of a column that would have been inserted; `{column}` is its name.
    const INSERTED: &'static str;
    /// How many rows a statement names at most.
    const BATCH: usize;
    /// Whether arguments are `$1`, `$2` … and not `?`.
    const NUMBERED: bool;
}

/// All statements, with `?` for an argument and `{list}` for several of them.
pub(crate) struct Statements<D> {
    tables: Tables,
    pub(crate) begin: SqlStr,
    pub(crate) now: SqlStr,
    pub(crate) lock: SqlStr,
    pub(crate) load_all: SqlStr,
    pub(crate) load_metadata: SqlStr,
    pub(crate) insert: SqlStr,
    pub(crate) write: SqlStr,
    pub(crate) value: SqlStr,
    pub(crate) foreign: SqlStr,
    pub(crate) dead: SqlStr,
    pub(crate) claim_session: SqlStr,
    pub(crate) enter_principal: SqlStr,
    pub(crate) lock_principal: SqlStr,
    pub(crate) revoke_principal: SqlStr,
    pub(crate) others: SqlStr,
    pub(crate) members: SqlStr,
    pub(crate) count: SqlStr,
    pub(crate) dead_principals: SqlStr,
    pub(crate) events_bounds: SqlStr,
    pub(crate) trim_claims: SqlStr,
    pub(crate) trim_events: SqlStr,
    pub(crate) new_events: SqlStr,
    pub(crate) begin_group: SqlStr,
    pub(crate) look_group: SqlStr,
    pub(crate) lock_group: SqlStr,
    pub(crate) move_group: SqlStr,
    pub(crate) dead_groups: SqlStr,
    pub(crate) due_claims: SqlStr,
    pub(crate) claim: SqlStr,
    pub(crate) claim_again: SqlStr,
    dialect: std::marker::PhantomData<fn() -> D>,
}

/// A statement that names several things of a kind: how it reads with one.
#[derive(Clone, Copy)]
pub(crate) enum Listed {
    /// Takes the names, then the locator.
    Load,
    /// Takes session, name and value of each attribute.
    Set,
    /// Takes the session, then the names.
    Remove,
    /// Takes namespace, kind, locator, principal, attributes and time of each event.
    Tell,
    /// Takes the sessions.
    Clear,
    /// Takes the locators.
    RemoveSessions,
    /// Takes the time of the end, that of the tombstone's, the operation, then the locators.
    End,
    /// Takes the principal's key, the locator after which the page begins, how many, and the names.
    Find,
    /// The same without attributes.
    FindMetadata,
    /// The same with all attributes.
    FindAll,
    /// Takes the keys.
    RemovePrincipals,
    /// Takes the numbers.
    Events,
    /// Takes the numbers.
    LateEvents,
    /// Takes the group's key, then the events.
    Acknowledge,
    /// Takes the groups' keys.
    RemoveClaims,
    /// Takes the keys.
    RemoveGroups,
}

impl<D: Dialect> Statements<D> {
    pub(crate) fn new(tables: &Tables) -> Self {
        let fill = |template: &str| safe::<D>(tables.text(&expanded::<D>(template)));
        Self {
            tables: tables.clone(),
            begin: D::BEGIN.into_sql_str(),
            now: fill("SELECT {now}"),
            lock: fill(&format!("{LOAD_METADATA} {{lock}}")),
            load_all: fill(&LOAD.replace("{which}", "")),
            load_metadata: fill(LOAD_METADATA),
            insert: fill(INSERT),
            write: fill(WRITE),
            value: fill("SELECT value FROM {attributes} WHERE session = ? AND name = ? {lock}"),
            foreign: fill("SELECT locator FROM {sessions} WHERE locator = ? AND namespace <> ?"),
            dead: fill(DEAD),
            claim_session: fill(CLAIM_SESSION),
            enter_principal: fill(ENTER_PRINCIPAL),
            lock_principal: fill("SELECT revoked_at, {now} FROM {principals} WHERE principal_key = ? {lock}"),
            revoke_principal: fill(REVOKE_PRINCIPAL),
            others: fill(OTHERS),
            members: fill(MEMBERS),
            count: fill("SELECT count(*) FROM {sessions} WHERE principal_key = ? AND expires_at > ?"),
            dead_principals: fill(DEAD_PRINCIPALS),
            events_bounds: fill("SELECT min(id), max(id) FROM {events}"),
            trim_claims: fill("DELETE FROM {claims} WHERE event <= ?"),
            trim_events: fill("DELETE FROM {events} WHERE id <= ?"),
            new_events: fill("SELECT id, namespace FROM {events} WHERE id > ? ORDER BY id LIMIT ?"),
            begin_group: fill(BEGIN_GROUP),
            look_group: fill(LOOK_GROUP),
            lock_group: fill(
                "SELECT next_after, late, used_at, {now} FROM {groups} WHERE group_key = ? {lock}",
            ),
            move_group: fill("UPDATE {groups} SET next_after = ?, late = ?, used_at = ? WHERE group_key = ?"),
            dead_groups: fill("SELECT group_key FROM {groups} WHERE used_at <= ? LIMIT ? {skip_locked}"),
            due_claims: fill(DUE_CLAIMS),
            claim: fill(CLAIM),
            claim_again: fill(
                "UPDATE {claims} SET attempt = attempt + 1, handed_out_at = ? WHERE group_key = ? AND event = ?",
            ),
            dialect: std::marker::PhantomData,
        }
    }

    /// A statement with this many things in its list.
    pub(crate) fn of(&self, listed: Listed, count: usize) -> SqlStr {
        let (template, item) = match listed {
            Listed::Load => (LOAD, "?"),
            Listed::Set => (SET, "(?, ?, ?)"),
            Listed::Remove => ("DELETE FROM {attributes} WHERE session = ? AND name IN ({list})", "?"),
            Listed::Tell => (TELL, "(?, ?, ?, ?, ?, ?)"),
            Listed::Clear => ("DELETE FROM {attributes} WHERE session IN ({list})", "?"),
            Listed::RemoveSessions => ("DELETE FROM {sessions} WHERE locator IN ({list})", "?"),
            Listed::End => (END, "?"),
            Listed::Find | Listed::FindAll => (FIND, "?"),
            Listed::FindMetadata => (FIND_METADATA, "?"),
            Listed::RemovePrincipals => ("DELETE FROM {principals} WHERE principal_key IN ({list})", "?"),
            Listed::Events => (EVENTS, "?"),
            Listed::LateEvents => {
                ("SELECT id, namespace FROM {events} WHERE id IN ({list}) ORDER BY id", "?")
            }
            Listed::RemoveClaims => ("DELETE FROM {claims} WHERE group_key IN ({list})", "?"),
            Listed::RemoveGroups => ("DELETE FROM {groups} WHERE group_key IN ({list})", "?"),
            Listed::Acknowledge => ("DELETE FROM {claims} WHERE group_key = ? AND event IN ({list})", "?"),
        };
        let which = if matches!(listed, Listed::FindAll) { "" } else { "AND a.name IN ({list})" };
        let text = expanded::<D>(&template.replace("{which}", which)).replace("{list}", &list(item, count));
        safe::<D>(self.tables.text(&text))
    }

    /// The statement that reads these attributes of these sessions. Takes the sessions, then the names.
    pub(crate) fn values(&self, sessions: usize, names: usize) -> SqlStr {
        let text = VALUES.replace("{list}", &list("?", sessions)).replace("{names}", &list("?", names));
        safe::<D>(self.tables.text(&text))
    }
}

fn list(item: &str, count: usize) -> String {
    vec![item; count].join(", ")
}

fn expanded<D: Dialect>(template: &str) -> String {
    let on_conflict = |key: &str| D::ON_CONFLICT.replace("{key}", key);
    let inserted = |column: &str| D::INSERTED.replace("{column}", column);
    template
        .replace("{columns}", COLUMNS)
        .replace("{now}", D::NOW)
        .replace("{lock}", D::LOCK)
        .replace("{skip_locked}", D::SKIP_LOCKED)
        .replace("{on_attribute}", &on_conflict("session, name"))
        .replace("{on_principal}", &on_conflict("principal_key"))
        .replace("{on_group}", &on_conflict("group_key"))
        .replace("{inserted_value}", &inserted("value"))
        .replace("{inserted_end}", &inserted("expires_at"))
        .replace("{inserted_use}", &inserted("used_at"))
}

/// The names of the tables are checked and quoted; all else is this crate's own.
fn safe<D: Dialect>(sql: String) -> SqlStr {
    AssertSqlSafe(if D::NUMBERED { numbered(&sql) } else { sql }).into_sql_str()
}

/// `$1`, `$2` … where there was `?`. No table has one in its name.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    for (count, part) in sql.split('?').enumerate() {
        if count > 0 {
            text.push('$');
            text.push_str(&count.to_string());
        }
        text.push_str(part);
    }
    text
}

/// Takes the locator; with `{which}` the names before it.
const LOAD: &str = "
SELECT {columns}, {now}, a.name, a.value
FROM {sessions} AS s LEFT JOIN {attributes} AS a ON a.session = s.locator {which}
WHERE s.locator = ?";

/// Takes the locator.
const LOAD_METADATA: &str = "SELECT {columns}, {now} FROM {sessions} AS s WHERE s.locator = ?";

/// Takes the namespace, then what [`WRITE`] takes.
const INSERT: &str = "
INSERT INTO {sessions} (namespace, digest, candidate, candidate_at, previous, previous_until, superseded_at, created_at,
  last_accessed, idle, ends_at, expires_at, renewed_at, ended_at, last_op, locator)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Takes the columns in their order, then the locator. The row is locked and was just read: what did not change is
/// written as it was. Whose it is stays.
const WRITE: &str = "
UPDATE {sessions} SET digest = ?, candidate = ?, candidate_at = ?, previous = ?, previous_until = ?, superseded_at = ?,
  created_at = ?, last_accessed = ?, idle = ?, ends_at = ?, expires_at = ?, renewed_at = ?, ended_at = ?, last_op = ?
WHERE locator = ?";

const SET: &str = "
INSERT INTO {attributes} (session, name, value) VALUES {list} {on_attribute} value = {inserted_value}";

/// What makes tombstones of rows.
const END: &str = "
UPDATE {sessions} SET digest = NULL, candidate = NULL, candidate_at = NULL, previous = NULL, previous_until = NULL,
  superseded_at = NULL, principal = NULL, principal_key = NULL, signed_in_at = NULL, ended_at = ?, expires_at = ?,
  last_op = ?
WHERE locator IN ({list})";

/// What is to be removed. Each row is looked at again under its lock, and one that is locked is left for the next time:
/// a look without a lock would remove a session that was touched meanwhile. Attributes are removed by a later
/// statement, which sees all that was committed before the lock. Other namespaces are left to nodes of their own, which
/// know what is to be told. Takes the namespace, the time and how many.
const DEAD: &str = "
SELECT locator, principal, ended_at, expires_at FROM {sessions} WHERE namespace = ? AND expires_at <= ?
ORDER BY expires_at LIMIT ? {skip_locked}";

/// Takes the principal, the key, the time and the locator.
const CLAIM_SESSION: &str =
    "UPDATE {sessions} SET principal = ?, principal_key = ?, signed_in_at = ? WHERE locator = ?";

/// Sees to it that the principal's row is there, and locks it. Takes the key and until when it is needed.
const ENTER_PRINCIPAL: &str = "
INSERT INTO {principals} (principal_key, expires_at) VALUES (?, ?)
{on_principal} expires_at = CASE WHEN {principals}.expires_at < {inserted_end} THEN {inserted_end}
  ELSE {principals}.expires_at END";

/// Takes the time, until when it is remembered, and the key.
const REVOKE_PRINCIPAL: &str =
    "UPDATE {principals} SET revoked_at = ?, expires_at = ? WHERE principal_key = ?";

/// Takes the key, a locator that is left out, and the time.
const OTHERS: &str = "
SELECT locator, expires_at FROM {sessions} WHERE principal_key = ? AND locator <> ? AND expires_at > ?
ORDER BY signed_in_at, locator";

/// Takes the key, the time of the sign-ins, a locator that is left out, the time, and how many.
const MEMBERS: &str = "
SELECT locator, principal FROM {sessions}
WHERE principal_key = ? AND signed_in_at <= ? AND locator <> ? AND expires_at > ?
ORDER BY locator LIMIT ? {lock}";

const FIND: &str = "
SELECT {columns}, {now}, a.name, a.value, s.locator
FROM (SELECT * FROM {sessions} WHERE principal_key = ? AND locator > ? ORDER BY locator LIMIT ?) AS s
LEFT JOIN {attributes} AS a ON a.session = s.locator {which}
ORDER BY s.locator";

const FIND_METADATA: &str = "
SELECT {columns}, {now}, NULL, NULL, s.locator
FROM (SELECT * FROM {sessions} WHERE principal_key = ? AND locator > ? ORDER BY locator LIMIT ?) AS s
ORDER BY s.locator";

/// Takes the time and how many.
const DEAD_PRINCIPALS: &str = "
SELECT principal_key FROM {principals} WHERE expires_at <= ? ORDER BY expires_at LIMIT ? {skip_locked}";

const TELL: &str = "
INSERT INTO {events} (namespace, kind, locator, principal, attributes, happened_at) VALUES {list}";

const VALUES: &str = "
SELECT session, name, value FROM {attributes} WHERE session IN ({list}) AND name IN ({names}) ORDER BY session, name";

const EVENTS: &str = "
SELECT id, kind, locator, principal, attributes, happened_at FROM {events} WHERE id IN ({list}) ORDER BY id";

/// A group begins with what happens after its first member came. Takes the key, the namespace, the name, how far it is,
/// what is late, and the time.
const BEGIN_GROUP: &str = "
INSERT INTO {groups} (group_key, namespace, name, next_after, late, used_at)
VALUES (?, ?, ?, ?, ?, ?) {on_group} used_at = {inserted_use}";

/// Whether there is anything for a group: how far it is, what is late, the newest event, the claim that waits longest,
/// when it was last used, the time. Takes the key twice.
const LOOK_GROUP: &str = "
SELECT g.next_after, g.late, (SELECT max(id) FROM {events}),
  (SELECT min(c.handed_out_at) FROM {claims} AS c WHERE c.group_key = ?), g.used_at, {now}
FROM {groups} AS g WHERE g.group_key = ?";

/// Takes the group's key, the time before which they were handed out, and how many.
const DUE_CLAIMS: &str = "
SELECT event, attempt FROM {claims} WHERE group_key = ? AND handed_out_at <= ?
ORDER BY handed_out_at, event LIMIT ? {lock}";

/// Takes the group's key, the event and the time.
const CLAIM: &str = "INSERT INTO {claims} (group_key, event, attempt, handed_out_at) VALUES (?, ?, 1, ?)";
