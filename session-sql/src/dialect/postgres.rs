use sqlx::{Postgres, SqlStr};

use super::Tables;
use super::transactional::Dialect;
use crate::row::COLUMNS;

/// For what is too much for one statement: principals and events.
impl Dialect for Postgres {
    const BEGIN: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";
    const NOW: &'static str = NOW;
    const LOCK: &'static str = "FOR NO KEY UPDATE";
    const SKIP_LOCKED: &'static str = "FOR UPDATE SKIP LOCKED";
    const ON_CONFLICT: &'static str = "ON CONFLICT ({key}) DO UPDATE SET";
    const INSERTED: &'static str = "excluded.{column}";
    const BATCH: usize = 64;
    const NUMBERED: bool = true;
}

/// An operation is one statement. The session's row is updated or locked first, and what happens to its attributes
/// hangs on that: a second table that was looked at in the same statement would show an old snapshot.
///
/// `now` is read after a row's lock was waited for, because conditions and new values are evaluated anew then: a
/// session that expired during the wait is not revived.
pub(crate) struct Statements {
    pub(crate) create: Setting,
    pub(crate) create_many: SqlStr,
    pub(crate) load_all: SqlStr,
    pub(crate) load_one: SqlStr,
    pub(crate) load_only: SqlStr,
    pub(crate) load_metadata: SqlStr,
    pub(crate) load_many: SqlStr,
    pub(crate) load_many_only: SqlStr,
    pub(crate) promote: SqlStr,
    pub(crate) touch: SqlStr,
    pub(crate) save: Changing,
    pub(crate) save_touching: Changing,
    pub(crate) save_timed: Changing,
    pub(crate) rotate: Changing,
    pub(crate) renew: SqlStr,
    pub(crate) delete: SqlStr,
    pub(crate) end: SqlStr,
    pub(crate) take: SqlStr,
    pub(crate) replace_none: SqlStr,
    pub(crate) replace: SqlStr,
    pub(crate) remove: SqlStr,
}

/// Statements that do something with a session and set attributes of it. They change at least one row, or else there
/// is no such session.
pub(crate) struct Setting {
    /// Sets none.
    pub(crate) none: SqlStr,
    /// Sets one, as most do: a quarter cheaper than a list of one.
    pub(crate) one: SqlStr,
    pub(crate) many: SqlStr,
}

/// The same, and the statement that removes attributes, too.
pub(crate) struct Changing {
    pub(crate) setting: Setting,
    pub(crate) removing: SqlStr,
}

impl Statements {
    pub(crate) fn new(tables: &Tables) -> Self {
        let fill = |template: &str| tables.fill(&expanded(template));
        let setting = |session: &str, set: &str| {
            let with = |from: &str| fill(&set.replace("{session}", session).replace("{set}", from));
            Setting { none: fill(session), one: with(ONE), many: with(MANY) }
        };
        let changing = |sets: &str| {
            let session = UPDATE.replace("{sets}", sets);
            Changing {
                removing: fill(&CHANGE_REMOVING.replace("{session}", &session)),
                setting: setting(&session, CHANGE),
            }
        };
        let rotated = format!("{ROTATED}, {TIMED}");
        Self {
            create: setting(&insert("$1", "$2", ""), CREATE),
            create_many: fill(&CREATE_MANY.replace("{session}", &insert("v.locator", "v.digest", NEW))),
            load_all: fill(&load("= $1", "")),
            load_one: fill(&load("= $1", "AND a.name = $2")),
            load_only: fill(&load("= $1", "AND a.name = ANY($2)")),
            load_metadata: fill(LOAD_METADATA),
            load_many: fill(&load("= ANY($1)", "")),
            load_many_only: fill(&load("= ANY($1)", "AND a.name = ANY($2)")),
            promote: fill(PROMOTE),
            touch: fill(TOUCH),
            save: changing("last_op = $3"),
            save_touching: changing(TOUCHING),
            save_timed: changing(TIMED),
            rotate: changing(&rotated),
            renew: fill(RENEW),
            delete: fill(DELETE),
            end: fill(END),
            take: fill(TAKE),
            replace_none: fill(REPLACE_NONE),
            replace: fill(REPLACE),
            remove: fill(REMOVE),
        }
    }
}

/// The parts that statements share, in the order in which they stand for each other.
fn expanded(template: &str) -> String {
    template
        .replace("{match}", MATCH)
        .replace("{extended}", EXTENDED)
        .replace("{columns}", COLUMNS)
        .replace("{now}", NOW)
        .replace("{never}", NEVER)
}

/// As a floating-point number, which holds every microsecond and costs a third of an exact one.
const NOW: &str = "floor(date_part('epoch', clock_timestamp()) * 1000)::bigint";
const NEVER: &str = "253402300799999";

/// $1 locator, $2 digest.
const MATCH: &str = "s.locator = $1 AND s.ended_at IS NULL AND s.expires_at > {now}
    AND (s.digest = $2 OR s.candidate = $2 OR (s.previous = $2 AND s.previous_until > {now}))";

/// Where an access moves the end, of `now`, `idle`, `latest`, and `throttle`.
const EXTENDED: &str = "CASE WHEN t.idle IS NULL THEN t.latest ELSE least(t.now + t.idle + least(t.throttle, t.idle / 10), t.latest) END";

/// The attributes that a statement sets in the sessions `s`. $4 names, $5 values.
const ONE: &str = "SELECT s.locator, $4::bytea, $5::bytea FROM s";
const MANY: &str =
    "SELECT s.locator, v.name, v.value FROM s, unnest($4::bytea[], $5::bytea[]) AS v (name, value)";

/// $3 namespace, $6 idle, $7 absolute, $8 throttle.
fn insert(locator: &str, digest: &str, from: &str) -> String {
    INSERT.replace("{locator}", locator).replace("{digest}", digest).replace("{from}", from)
}

const INSERT: &str = "
INSERT INTO {sessions} AS s
  (locator, namespace, digest, created_at, last_accessed, idle, ends_at, expires_at, renewed_at)
SELECT {locator}, $3, {digest}, t.now, t.now, t.idle, CASE WHEN t.absolute IS NOT NULL THEN t.latest END, {extended}, t.now
FROM {from}(
  SELECT n.now, $6::bigint AS idle, $7::bigint AS absolute, $8::bigint AS throttle,
    coalesce(least(n.now + $7::bigint, {never}), {never}) AS latest
  FROM (SELECT {now} AS now) n
) t
ON CONFLICT (locator) DO NOTHING";

const CREATE: &str = "
WITH s AS ({session} RETURNING s.locator)
INSERT INTO {attributes} (session, name, value) {set}";

/// The new sessions. $1 locators, $2 digests.
const NEW: &str = "unnest($1::bytea[], $2::bytea[]) AS v (locator, digest), ";

/// Answers the locators of those that it has begun. Their attributes are $4 names and $5 values, of the sessions $9.
const CREATE_MANY: &str = "
WITH s AS ({session} RETURNING s.locator), a AS (
  INSERT INTO {attributes} (session, name, value)
  SELECT s.locator, v.name, v.value
  FROM s JOIN unnest($9::bytea[], $4::bytea[], $5::bytea[]) AS v (session, name, value) ON v.session = s.locator
)
SELECT s.locator FROM s";

/// $1 locator or locators, $2 the name or names.
fn load(locator: &str, which: &str) -> String {
    LOAD.replace("{locator}", locator).replace("{which}", which)
}

/// A row an attribute, with the session's columns in each: cheaper than lists of names and values, which the server
/// would have to build.
const LOAD: &str = "
SELECT {columns}, {now}, a.name, a.value, s.locator
FROM {sessions} AS s LEFT JOIN {attributes} AS a ON a.session = s.locator {which}
WHERE s.locator {locator}";

/// $1 locator.
const LOAD_METADATA: &str = "SELECT {columns}, {now} FROM {sessions} AS s WHERE s.locator = $1";

/// $1 locator, $2 the candidate.
const PROMOTE: &str = "
UPDATE {sessions} AS s
SET digest = s.candidate, renewed_at = s.candidate_at, previous = s.digest, previous_until = {now} + 30000,
  candidate = NULL, candidate_at = NULL
WHERE s.locator = $1 AND s.candidate = $2 AND s.ended_at IS NULL AND s.expires_at > {now}";

/// $1 locator, $2 digest, $3 throttle.
const TOUCH: &str = "
UPDATE {sessions} AS s
SET (last_accessed, expires_at) = (
  SELECT greatest(s.last_accessed, t.now),
    CASE WHEN s.expires_at < least(t.now + t.idle, t.latest) AND t.idle IS NOT NULL THEN {extended} ELSE s.expires_at END
  FROM (
    SELECT n.now, s.idle AS idle, $3::bigint AS throttle, coalesce(s.ends_at, {never}) AS latest
    FROM (SELECT {now} AS now) n
  ) t
)
WHERE {match}";

/// $1 locator, $2 digest, $3 the operation; TIMED and ROTATED have the rest.
const UPDATE: &str = "UPDATE {sessions} AS s SET {sets} WHERE {match}";

const CHANGE: &str = "
WITH s AS ({session} RETURNING s.locator)
INSERT INTO {attributes} (session, name, value) {set}
ON CONFLICT (session, name) DO UPDATE SET value = excluded.value";

/// A statement's own snapshot does not show an attribute that was set for the first time while it waited for the
/// session's row: removing it would miss it. Then nothing is done, and the statement is sent again. $4 names and
/// $5 values to set, $6 names to remove.
const CHANGE_REMOVING: &str = "
WITH s AS (
  {session} AND s.last_op IS NOT DISTINCT FROM (SELECT o.last_op FROM {sessions} AS o WHERE o.locator = $1)
  RETURNING s.locator
), a AS (
  INSERT INTO {attributes} (session, name, value)
  SELECT s.locator, v.name, v.value FROM s, unnest($4::bytea[], $5::bytea[]) AS v (name, value)
  ON CONFLICT (session, name) DO UPDATE SET value = excluded.value
), r AS (
  DELETE FROM {attributes} AS a USING s WHERE a.session = s.locator AND a.name = ANY($6::bytea[])
)
SELECT 1::bigint FROM s";

/// Notes an access if that is due: what [`TIMED`] does when no timeout is changed, for three quarters of what the whole
/// statement costs then. $7 throttle.
const TOUCHING: &str = "last_op = $3,
    (last_accessed, expires_at) = (
      SELECT CASE WHEN t.is_due THEN greatest(s.last_accessed, t.now) ELSE s.last_accessed END,
        CASE WHEN t.is_due THEN {extended} ELSE s.expires_at END
      FROM (
        SELECT n.now, s.idle, $7::bigint AS throttle, coalesce(s.ends_at, {never}) AS latest,
          s.idle IS NOT NULL AND s.expires_at < least(n.now + s.idle, coalesce(s.ends_at, {never})) AS is_due
        FROM (SELECT {now} AS now) n
      ) t
    )";

/// $7 throttle, $8 whether to note a due access, $9 idle and $10 absolute timeout (NULL: as it is, -1: none).
const TIMED: &str = "last_op = $3,
    (idle, ends_at, last_accessed, expires_at) = (
      SELECT t.idle, t.ends_at, CASE WHEN m.moves THEN greatest(s.last_accessed, t.now) ELSE s.last_accessed END,
        CASE WHEN m.moves THEN {extended} ELSE s.expires_at END
      FROM (
        SELECT e.now, e.idle, e.ends_at, $7::bigint AS throttle, coalesce(e.ends_at, {never}) AS latest
        FROM (
          SELECT n.now,
            CASE WHEN $9::bigint IS NULL THEN s.idle WHEN $9 >= 0 THEN $9 END AS idle,
            CASE WHEN $10::bigint IS NULL THEN s.ends_at WHEN $10 >= 0 THEN least(n.now + $10, {never}) END AS ends_at
          FROM (SELECT {now} AS now) n
        ) e
      ) t, LATERAL (
        SELECT $9 IS NOT NULL OR $10 IS NOT NULL
          OR ($8::boolean AND t.idle IS NOT NULL AND s.expires_at < least(t.now + t.idle, t.latest)) AS moves
      ) m
    )";

/// $11 the new digest.
const ROTATED: &str =
    "digest = $11, candidate = NULL, candidate_at = NULL, previous = NULL, previous_until = NULL,
    (superseded_at, renewed_at) = (SELECT n.now, n.now FROM (SELECT {now} AS now, s.locator) n)";

/// $1 locator, $2 digest, $3 the candidate, $4 age.
const RENEW: &str = "
UPDATE {sessions} AS s SET candidate = $3, candidate_at = {now}
WHERE s.locator = $1 AND s.digest = $2 AND s.ended_at IS NULL AND s.expires_at > {now}
  AND (s.candidate IS NULL OR s.candidate_at + 60000 + $4 < {now})";

/// What makes a tombstone of a row.
macro_rules! ended {
    () => {
        "digest = NULL, candidate = NULL, candidate_at = NULL, previous = NULL, previous_until = NULL,
    superseded_at = NULL, principal = NULL, principal_key = NULL, signed_in_at = NULL,
    (ended_at, expires_at) = (SELECT n.now, n.now + 120000 FROM (SELECT {now} AS now, s.locator) n)"
    };
}

/// The attributes that the statement's snapshot shows go at once; one that was set for the first time meanwhile goes
/// with the tombstone. $1 locator, $2 digest, $3 the operation.
const DELETE: &str = concat!(
    "
WITH s AS (
  UPDATE {sessions} AS s SET last_op = $3, ",
    ended!(),
    "
  WHERE {match} RETURNING s.locator
), a AS (
  DELETE FROM {attributes} AS a USING s WHERE a.session = s.locator
)
SELECT 1::bigint FROM s"
);

/// $1 locator, $2 namespace, $3 the operation.
const END: &str = concat!(
    "
WITH s AS (
  INSERT INTO {sessions} AS s
    (locator, namespace, created_at, last_accessed, expires_at, renewed_at, ended_at, last_op)
  SELECT $1, $2, n.now, n.now, n.now + 120000, n.now, n.now, $3 FROM (SELECT {now} AS now) n
  ON CONFLICT (locator) DO UPDATE SET last_op = excluded.last_op, ",
    ended!(),
    "
  WHERE s.namespace = $2 AND (s.ended_at IS NULL OR s.expires_at <= {now})
  RETURNING s.locator
), a AS (
  DELETE FROM {attributes} AS a USING s WHERE a.session = s.locator
)
SELECT 1::bigint FROM s"
);

/// A session's row, updated and not only locked: whoever waits for it looks at it anew, also at the time.
macro_rules! updated {
    ($op:literal) => {
        concat!("s AS (UPDATE {sessions} AS s SET last_op = ", $op, " WHERE {match} RETURNING s.locator)")
    };
}

/// Answers a row where the session is, with the value where there was one. $1 locator, $2 digest, $3 name, $4 the
/// operation.
const TAKE: &str = concat!(
    "WITH ",
    updated!("$4"),
    ", a AS (
  DELETE FROM {attributes} AS a USING s WHERE a.session = s.locator AND a.name = $3 RETURNING a.value
)
SELECT a.value FROM s LEFT JOIN a ON true"
);

/// $1 locator, $2 digest, $3 name, $4 the operation, $5 the new value.
const REPLACE_NONE: &str = concat!(
    "WITH ",
    updated!("$4"),
    "
INSERT INTO {attributes} (session, name, value) SELECT s.locator, $3, $5 FROM s ON CONFLICT DO NOTHING"
);

/// $1 locator, $2 digest, $3 name, $4 the operation, $5 the new value, $6 the old one.
const REPLACE: &str = concat!(
    "WITH ",
    updated!("$4"),
    "
UPDATE {attributes} AS a SET value = $5 FROM s WHERE a.session = s.locator AND a.name = $3 AND a.value = $6"
);

/// $1 locator, $2 digest, $3 name, $4 the operation, $5 the old value.
const REMOVE: &str = concat!(
    "WITH ",
    updated!("$4"),
    "
DELETE FROM {attributes} AS a USING s WHERE a.session = s.locator AND a.name = $3 AND a.value = $5"
);
