use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Expiry, Principal, Timestamp, expiry};

/// An attribute's name.
pub type Name = Arc<str>;

/// Attributes by name, each encoded by itself.
pub type Attributes = BTreeMap<Name, Bytes>;

/// What a store keeps for one session, as far as a request may see it. Identity is not in it: the store compares
/// digests, the manager knows the id.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// When the session began.
    pub created: Timestamp,
    /// When its use was last noted; it lags behind by the throttle. It never goes back.
    pub last_accessed: Timestamp,
    /// How long after its last use it ends.
    pub idle: Option<Duration>,
    /// When it ends however much it is used. Only `sign_in` moves it.
    pub end: Option<Timestamp>,
    /// When it ends if it is not used again. Never after `end`; never less than `idle` after the last use.
    pub expires_at: Timestamp,
    /// When its present id was issued.
    pub renewed_at: Timestamp,
    /// Whose session it is.
    pub principal: Option<Principal>,
    /// The attributes that were asked for.
    pub attributes: Attributes,
}

impl Record {
    /// The record that `create` makes of `new` when the store's clock shows `now` and the node's throttle is
    /// `touch`.
    #[must_use]
    pub fn new(new: &NewRecord, now: Timestamp, touch: Duration) -> Self {
        let idle = new.expiry.idle_timeout();
        let end = new.expiry.absolute_timeout().map(|timeout| now.saturating_add(timeout));
        Self {
            created: now,
            last_accessed: now,
            idle,
            end,
            expires_at: expiry::extended(idle, end, now, touch),
            renewed_at: now,
            principal: None,
            attributes: new.attributes.clone(),
        }
    }

    /// A record without attributes and principal, for a store that reads one field after the other.
    #[must_use]
    pub fn bare(created: Timestamp, last_accessed: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            created,
            last_accessed,
            idle: None,
            end: None,
            expires_at,
            renewed_at: created,
            principal: None,
            attributes: Attributes::new(),
        }
    }

    /// Whether the session has ended by itself at `now`. Exactly at its end it has.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Whether an access at `now` is to be noted.
    #[must_use]
    pub fn is_touch_due(&self, now: Timestamp) -> bool {
        expiry::touch_due(self.idle, self.end, self.expires_at, now)
    }

    /// Notes an access at `now`: the end moves to `min(now + idle + throttle, end)`.
    pub fn touch(&mut self, now: Timestamp, touch: Duration) {
        self.last_accessed = self.last_accessed.max(now);
        self.expires_at = expiry::extended(self.idle, self.end, now, touch);
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("created", &self.created)
            .field("last_accessed", &self.last_accessed)
            .field("idle", &self.idle)
            .field("end", &self.end)
            .field("expires_at", &self.expires_at)
            .field("renewed_at", &self.renewed_at)
            .field("principal", &self.principal)
            .field("attributes", &self.attributes.keys())
            .finish()
    }
}

/// A session that is to begin: anonymous, until somebody signs in. The store stamps the times with its own clock.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct NewRecord {
    /// When it ends by itself.
    pub expiry: Expiry,
    /// What is in it.
    pub attributes: Attributes,
}

impl NewRecord {
    /// An anonymous, empty session.
    #[must_use]
    pub fn new(expiry: Expiry) -> Self {
        Self { expiry, ..Self::default() }
    }
}

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("expiry", &self.expiry)
            .field("attributes", &self.attributes.keys())
            .finish()
    }
}
