/// A key of the annotation.
pub(crate) struct Key {
    /// As it is written in the annotation.
    pub(crate) name: &'static str,
    /// As the facade knows it.
    pub(crate) property: &'static str,
    pub(crate) kind: Kind,
}

/// What may stand behind a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Timeout,
    Text,
    Flag,
}

impl Key {
    const fn new(name: &'static str, property: &'static str, kind: Kind) -> Self {
        Self { name, property, kind }
    }
}

pub(crate) const STORE: &str = "session.store";
pub(crate) const NAMESPACE: &str = "session.namespace";
pub(crate) const HEADER: &str = "session.header";
pub(crate) const COOKIE_NAME: &str = "session.cookie.name";
pub(crate) const COOKIE_PATH: &str = "session.cookie.path";
pub(crate) const COOKIE_DOMAIN: &str = "session.cookie.domain";
pub(crate) const COOKIE_SAME_SITE: &str = "session.cookie.same-site";
pub(crate) const COOKIE_PLAIN_HTTP: &str = "session.cookie.plain-http";

/// The keys that hold a value, as in `store = "…"`. Beside them stand `cookie(…)` and `crate = "…"`.
pub(crate) const KEYS: &[Key] = &[
    Key::new("max_inactive", "session.max-inactive", Kind::Timeout),
    Key::new("store", STORE, Kind::Text),
    Key::new("namespace", NAMESPACE, Kind::Text),
    Key::new("header", HEADER, Kind::Text),
];

/// The keys within `cookie(…)`.
pub(crate) const COOKIE_KEYS: &[Key] = &[
    Key::new("name", COOKIE_NAME, Kind::Text),
    Key::new("path", COOKIE_PATH, Kind::Text),
    Key::new("domain", COOKIE_DOMAIN, Kind::Text),
    Key::new("same_site", COOKIE_SAME_SITE, Kind::Text),
    Key::new("http_only", "session.cookie.http-only", Kind::Flag),
    Key::new("plain_http", COOKIE_PLAIN_HTTP, Kind::Flag),
];
