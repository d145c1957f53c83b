-- One row a session: its record, and after its end its tombstone. Times are milliseconds since 1970, UTC.
CREATE TABLE IF NOT EXISTS {sessions} (
  locator BINARY(16) NOT NULL PRIMARY KEY,
  namespace VARBINARY(100) NOT NULL,
  digest BINARY(16),
  candidate BINARY(16),
  candidate_at BIGINT,
  previous BINARY(16),
  previous_until BIGINT,
  superseded_at BIGINT,
  created_at BIGINT NOT NULL,
  last_accessed BIGINT NOT NULL,
  idle BIGINT,
  ends_at BIGINT,
  expires_at BIGINT NOT NULL,
  renewed_at BIGINT NOT NULL,
  principal MEDIUMBLOB,
  ended_at BIGINT,
  last_op BINARY(16),
  INDEX {expiry_index} (expires_at)
) ENGINE = InnoDB;

-- One row an attribute. A name is UTF-8.
CREATE TABLE IF NOT EXISTS {attributes} (
  session BINARY(16) NOT NULL,
  name VARBINARY(1024) NOT NULL,
  value LONGBLOB NOT NULL,
  PRIMARY KEY (session, name),
  FOREIGN KEY (session) REFERENCES {sessions} (locator) ON DELETE CASCADE
) ENGINE = InnoDB;
