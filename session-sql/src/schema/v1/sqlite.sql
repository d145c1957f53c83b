-- One row a session: its record, and after its end its tombstone. Times are milliseconds since 1970, UTC.
CREATE TABLE IF NOT EXISTS {sessions} (
  locator BLOB NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  digest BLOB,
  candidate BLOB,
  candidate_at INTEGER,
  previous BLOB,
  previous_until INTEGER,
  superseded_at INTEGER,
  created_at INTEGER NOT NULL,
  last_accessed INTEGER NOT NULL,
  idle INTEGER,
  ends_at INTEGER,
  expires_at INTEGER NOT NULL,
  renewed_at INTEGER NOT NULL,
  principal BLOB,
  principal_key BLOB,
  signed_in_at INTEGER,
  ended_at INTEGER,
  last_op BLOB
);

CREATE INDEX IF NOT EXISTS {expiry_index} ON {sessions} (namespace, expires_at);

CREATE INDEX IF NOT EXISTS {principal_index} ON {sessions} (principal_key, locator) WHERE principal_key IS NOT NULL;

-- One row an attribute. A name is UTF-8: CAST(name AS TEXT) shows it.
CREATE TABLE IF NOT EXISTS {attributes} (
  session BLOB NOT NULL REFERENCES {sessions} (locator) ON DELETE CASCADE,
  name BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (session, name)
);

-- One row a principal who has signed in or was logged out everywhere lately.
CREATE TABLE IF NOT EXISTS {principals} (
  principal_key BLOB NOT NULL PRIMARY KEY,
  revoked_at INTEGER,
  expires_at INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS {principal_expiry_index} ON {principals} (expires_at);

-- What has happened to sessions, where events are on.
CREATE TABLE IF NOT EXISTS {events} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  kind TEXT NOT NULL,
  locator BLOB NOT NULL,
  principal BLOB,
  attributes BLOB NOT NULL,
  happened_at INTEGER NOT NULL
);

-- How far those have come who listen under one name, and when one of them last asked, to the hour.
CREATE TABLE IF NOT EXISTS {groups} (
  group_key BLOB NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  name BLOB NOT NULL,
  next_after INTEGER NOT NULL,
  late BLOB NOT NULL,
  used_at INTEGER NOT NULL
);

-- What was handed out to one of a group and is not acknowledged.
CREATE TABLE IF NOT EXISTS {claims} (
  group_key BLOB NOT NULL,
  event INTEGER NOT NULL REFERENCES {events} (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  handed_out_at INTEGER NOT NULL,
  PRIMARY KEY (group_key, event)
);

CREATE INDEX IF NOT EXISTS {claim_index} ON {claims} (event);
