use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::{Attributes, Expiry, Name, NewRecord, Record, Timestamp, expiry};

/// What one request did to a session. A store applies changes; it never writes back what was only read.
///
/// Two requests that change different attributes of one session therefore never undo each other.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Attributes set (`Some`) and removed (`None`).
    pub attributes: BTreeMap<Name, Option<Bytes>>,
    /// A new idle timeout (`Some(None)`: none at all). The end is counted anew from now.
    pub idle: Option<Option<Duration>>,
    /// A new absolute timeout, counted from now (`Some(None)`: none at all). Set by `sign_in` alone.
    pub absolute: Option<Option<Duration>>,
    /// Note the access, if it is due: set for a blind write, and when the load has shown that it is due.
    pub touch: bool,
}

impl Changes {
    /// No change.
    #[must_use]
    pub const fn new() -> Self {
        Self { attributes: BTreeMap::new(), idle: None, absolute: None, touch: false }
    }

    /// Whether there is nothing to write. A touch alone counts as nothing: it has an operation of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.idle.is_none() && self.absolute.is_none()
    }

    /// Whether there is something to begin a session for. Removing from nothing, or giving nothing another
    /// timeout, is not.
    #[must_use]
    pub fn begins_a_session(&self) -> bool {
        self.attributes.values().any(Option::is_some)
    }

    /// Sets an attribute.
    pub fn set(&mut self, name: impl Into<Name>, value: impl Into<Bytes>) {
        self.attributes.insert(name.into(), Some(value.into()));
    }

    /// Removes an attribute.
    pub fn remove(&mut self, name: impl Into<Name>) {
        self.attributes.insert(name.into(), None);
    }

    /// The session that begins with these changes.
    #[must_use]
    pub fn to_new_record(&self, expiry: Expiry) -> NewRecord {
        let mut new = NewRecord::new(expiry.with_changes(self.idle, self.absolute));
        new.attributes = self.sets().map(|(name, value)| (name.clone(), value.clone())).collect();
        new
    }

    fn sets(&self) -> impl Iterator<Item = (&Name, &Bytes)> {
        self.attributes.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    }

    pub(crate) fn removed(&self) -> impl Iterator<Item = &Name> {
        self.attributes.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name)
    }

    /// Applies the changes to a record that a store holds as such, at its `now`.
    pub fn apply_to(&self, record: &mut Record, now: Timestamp, touch: Duration) {
        self.apply_to_attributes(&mut record.attributes);
        if let Some(idle) = self.idle {
            record.idle = idle;
        }
        if let Some(absolute) = self.absolute {
            record.end = absolute.map(|timeout| now.saturating_add(timeout));
        }
        let retimed = self.idle.is_some() || self.absolute.is_some();
        if retimed || (self.touch && record.is_touch_due(now)) {
            record.touch(now, touch);
        }
    }

    pub(crate) fn apply_to_attributes(&self, attributes: &mut Attributes) {
        for (name, value) in &self.attributes {
            match value {
                Some(value) => attributes.insert(name.clone(), value.clone()),
                None => attributes.remove(name),
            };
        }
    }
}

impl Expiry {
    fn with_changes(self, idle: Option<Option<Duration>>, absolute: Option<Option<Duration>>) -> Self {
        expiry::parts(idle.unwrap_or(self.idle_timeout()), absolute.unwrap_or(self.absolute_timeout()))
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (set, removed): (Vec<_>, Vec<_>) = self.attributes.iter().partition(|(_, value)| value.is_some());
        let names =
            |part: Vec<(&Name, _)>| part.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        f.debug_struct("Changes")
            .field("set", &names(set))
            .field("removed", &names(removed))
            .field("idle", &self.idle)
            .field("absolute", &self.absolute)
            .field("touch", &self.touch)
            .finish()
    }
}
