-- One row a session: its record, and after its end its tombstone. Times are milliseconds since 1970, UTC.
CREATE TABLE IF NOT EXISTS {sessions} (
  locator bytea PRIMARY KEY,
  namespace text NOT NULL,
  digest bytea,
  candidate bytea,
  candidate_at bigint,
  previous bytea,
  previous_until bigint,
  superseded_at bigint,
  created_at bigint NOT NULL,
  last_accessed bigint NOT NULL,
  idle bigint,
  ends_at bigint,
  expires_at bigint NOT NULL,
  renewed_at bigint NOT NULL,
  principal bytea,
  ended_at bigint,
  last_op bytea
) WITH (fillfactor = 80);

CREATE INDEX IF NOT EXISTS {expiry_index} ON {sessions} (expires_at);

-- One row an attribute. A name is UTF-8: convert_from(name, 'UTF8') shows it.
CREATE TABLE IF NOT EXISTS {attributes} (
  session bytea NOT NULL REFERENCES {sessions} (locator) ON DELETE CASCADE,
  name bytea NOT NULL,
  value bytea NOT NULL,
  PRIMARY KEY (session, name)
) WITH (fillfactor = 80);
