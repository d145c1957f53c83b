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
  ended_at INTEGER,
  last_op BLOB
);

CREATE INDEX IF NOT EXISTS {expiry_index} ON {sessions} (expires_at);

-- One row an attribute. A name is UTF-8: CAST(name AS TEXT) shows it.
CREATE TABLE IF NOT EXISTS {attributes} (
  session BLOB NOT NULL REFERENCES {sessions} (locator) ON DELETE CASCADE,
  name BLOB NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (session, name)
);
