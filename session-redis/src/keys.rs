use session_core::{Handle, Principal};

/// The keys of one namespace.
#[derive(Debug)]
pub(crate) struct Keys {
    sessions: String,
    principals: String,
    expirations: String,
    events: String,
}

impl Keys {
    pub(crate) fn new(namespace: &str) -> Self {
        Self {
            sessions: format!("{namespace}:sessions:"),
            principals: format!("{namespace}:principals:"),
            expirations: format!("{namespace}:expirations:"),
            events: format!("{namespace}:events:"),
        }
    }

    /// Where a session lies for life: its record, later its tombstone.
    pub(crate) fn session(&self, handle: &Handle) -> String {
        let mut key = String::with_capacity(self.sessions.len() + Handle::TEXT_LEN);
        key.push_str(&self.sessions);
        handle.push_to(&mut key);
        key
    }

    /// Where the index of a principal's sessions lies.
    pub(crate) fn principal(&self, principal: &Principal) -> String {
        format!("{}{principal}", self.principals)
    }

    /// Where it lies which sessions are to be looked at when. The braces spread these keys over a cluster.
    pub(crate) fn expirations(&self, shard: u8) -> String {
        format!("{}{{{shard}}}", self.expirations)
    }

    /// Where it lies what has happened.
    pub(crate) fn events(&self, shard: u8) -> String {
        format!("{}{{{shard}}}", self.events)
    }

    /// A key under which nothing ever lies.
    pub(crate) fn nothing(&self) -> String {
        format!("{}-", self.sessions)
    }
}
