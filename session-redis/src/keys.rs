use session_core::Handle;

/// The keys of one namespace.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(crate) fn new(namespace: &str) -> Self {
        Self { prefix: format!("{namespace}:sessions:") }
    }

    /// Where a session lies for life: its record, later its tombstone.
    pub(crate) fn session(&self, handle: &Handle) -> String {
        let mut key = String::with_capacity(self.prefix.len() + Handle::TEXT_LEN);
        key.push_str(&self.prefix);
        handle.push_to(&mut key);
        key
    }

    /// A key under which nothing ever lies.
    pub(crate) fn nothing(&self) -> String {
        format!("{}-", self.prefix)
    }
}
