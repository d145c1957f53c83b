-- One row a session: its record, and after its end its tombstone. Times are milliseconds since 1970, UTC.
CREATE TABLE IF NOT EXISTS {sessions} (
  locator BINARY(16) NOT NULL PRIMARY KEY,
  namespace VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
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
  principal_key BINARY(16),
  signed_in_at BIGINT,
  ended_at BIGINT,
  last_op BINARY(16),
  INDEX {expiry_index} (namespace, expires_at),
  INDEX {principal_index} (principal_key, locator)
) ENGINE = InnoDB;

-- One row an attribute. A name is UTF-8.
CREATE TABLE IF NOT EXISTS {attributes} (
  session BINARY(16) NOT NULL,
  name VARBINARY(1024) NOT NULL,
  value LONGBLOB NOT NULL,
  PRIMARY KEY (session, name),
  FOREIGN KEY (session) REFERENCES {sessions} (locator) ON DELETE CASCADE
) ENGINE = InnoDB;

-- One row a principal who has signed in or was logged out everywhere lately: whoever does so locks it first.
CREATE TABLE IF NOT EXISTS {principals} (
  principal_key BINARY(16) NOT NULL PRIMARY KEY,
  revoked_at BIGINT,
  expires_at BIGINT NOT NULL,
  INDEX {principal_expiry_index} (expires_at)
) ENGINE = InnoDB;

-- What has happened to sessions, where events are on.
CREATE TABLE IF NOT EXISTS {events} (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  namespace VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  locator BINARY(16) NOT NULL,
  principal MEDIUMBLOB,
  attributes LONGBLOB NOT NULL,
  happened_at BIGINT NOT NULL
) ENGINE = InnoDB;

-- How far those have come who listen under one name, and when one of them last asked, to the hour.
CREATE TABLE IF NOT EXISTS {groups} (
  group_key BINARY(16) NOT NULL PRIMARY KEY,
  namespace VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name MEDIUMBLOB NOT NULL,
  next_after BIGINT NOT NULL,
  late MEDIUMBLOB NOT NULL,
  used_at BIGINT NOT NULL
) ENGINE = InnoDB;

-- What was handed out to one of a group and is not acknowledged.
CREATE TABLE IF NOT EXISTS {claims} (
  group_key BINARY(16) NOT NULL,
  event BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  handed_out_at BIGINT NOT NULL,
  PRIMARY KEY (group_key, event),
  INDEX {claim_index} (event),
  FOREIGN KEY (event) REFERENCES {events} (id) ON DELETE CASCADE
) ENGINE = InnoDB;
