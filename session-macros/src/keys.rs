//! The settings that can be said as text. The file stands in `session-macros` and in `http-session` alike, because a
//! proc macro and the crate that re-exports it have no other way to share code; a test keeps the two equal.

/// A setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// As it is written in the annotation. What stands in `cookie(…)` has that in front: `cookie.same_site`.
    pub(crate) name: &'static str,
    /// As a source knows it.
    pub(crate) property: &'static str,
    pub(crate) kind: Kind,
    /// What holds where nothing is said.
    #[allow(dead_code, reason = "only the facade shows it")]
    pub(crate) default: &'static str,
}

/// What a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A duration that is not zero, or "never".
    Timeout,
    /// A duration that is not zero.
    Duration,
    /// A duration, which may be zero.
    Interval,
    /// A number of bytes that is not zero.
    Size,
    /// A number that is not zero.
    Count,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The URL of a store.
    Store,
    /// What keeps applications apart in one store.
    Namespace,
    /// The name of a header or of a cookie.
    Token,
    /// The path of a cookie.
    Path,
    /// A word behind a cookie's value.
    Route,
    /// Any text.
    Text,
}

impl Key {
    const fn new(name: &'static str, property: &'static str, kind: Kind, default: &'static str) -> Self {
        Self { name, property, kind, default }
    }

    /// The name without its group.
    #[allow(dead_code, reason = "only the macro knows groups")]
    pub(crate) fn short_name(&self) -> &'static str {
        self.name.strip_prefix(COOKIE_GROUP).unwrap_or(self.name)
    }

    pub(crate) fn is_of_cookie(&self) -> bool {
        self.name.starts_with(COOKIE_GROUP)
    }
}

/// What the names of a cookie's settings begin with.
pub(crate) const COOKIE_GROUP: &str = "cookie.";

pub(crate) const MAX_INACTIVE: &str = "session.max-inactive";
pub(crate) const ANONYMOUS_MAX_INACTIVE: &str = "session.anonymous-max-inactive";
pub(crate) const MAX_LIFETIME: &str = "session.max-lifetime";
pub(crate) const RENEW_EVERY: &str = "session.renew-every";
pub(crate) const TOUCH: &str = "session.touch";
pub(crate) const STORE: &str = "session.store";
pub(crate) const NAMESPACE: &str = "session.namespace";
pub(crate) const FLUSH: &str = "session.flush";
pub(crate) const SAVE: &str = "session.save";
pub(crate) const SAVE_ON_ERROR: &str = "session.save-on-error";
pub(crate) const MAX_ATTRIBUTE_BYTES: &str = "session.max-attribute-bytes";
pub(crate) const MAX_SESSION_BYTES: &str = "session.max-session-bytes";
pub(crate) const MAX_ATTRIBUTES: &str = "session.max-attributes";
pub(crate) const BUDGET: &str = "session.budget";
pub(crate) const SWEEP: &str = "session.sweep";
pub(crate) const EVENTS: &str = "session.events";
pub(crate) const HEADER: &str = "session.header";
pub(crate) const BEARER: &str = "session.bearer";
pub(crate) const COOKIE_NAME: &str = "session.cookie.name";
pub(crate) const COOKIE_PATH: &str = "session.cookie.path";
pub(crate) const COOKIE_DOMAIN: &str = "session.cookie.domain";
pub(crate) const COOKIE_SAME_SITE: &str = "session.cookie.same-site";
pub(crate) const COOKIE_SECURE: &str = "session.cookie.secure";
pub(crate) const COOKIE_HTTP_ONLY: &str = "session.cookie.http-only";
pub(crate) const COOKIE_PARTITIONED: &str = "session.cookie.partitioned";
pub(crate) const COOKIE_MAX_AGE: &str = "session.cookie.max-age";
pub(crate) const COOKIE_BASE64: &str = "session.cookie.base64";
pub(crate) const COOKIE_ROUTE: &str = "session.cookie.route";
pub(crate) const CONFIG: &str = "session.config";

pub(crate) const FLUSH_MODES: &[&str] = &["on_commit", "immediate"];
pub(crate) const SAVE_MODES: &[&str] = &["changed", "read", "always"];
pub(crate) const SAME_SITE: &[&str] = &["Strict", "Lax", "None"];

/// All settings, in the order in which people are told of them.
pub(crate) const KEYS: &[Key] = &[
    Key::new("max_inactive", MAX_INACTIVE, Kind::Timeout, "30m"),
    Key::new("anonymous_max_inactive", ANONYMOUS_MAX_INACTIVE, Kind::Duration, "as max_inactive"),
    Key::new("max_lifetime", MAX_LIFETIME, Kind::Timeout, "never"),
    Key::new("renew_every", RENEW_EVERY, Kind::Timeout, "never"),
    Key::new("touch", TOUCH, Kind::Interval, "1m"),
    Key::new("store", STORE, Kind::Store, "memory:"),
    Key::new("namespace", NAMESPACE, Kind::Namespace, "session"),
    Key::new("flush", FLUSH, Kind::Word(FLUSH_MODES), "on_commit"),
    Key::new("save", SAVE, Kind::Word(SAVE_MODES), "changed"),
    Key::new("save_on_error", SAVE_ON_ERROR, Kind::Flag, "false"),
    Key::new("max_attribute_bytes", MAX_ATTRIBUTE_BYTES, Kind::Size, "1MiB"),
    Key::new("max_session_bytes", MAX_SESSION_BYTES, Kind::Size, "4MiB"),
    Key::new("max_attributes", MAX_ATTRIBUTES, Kind::Count, "1024"),
    Key::new("budget", BUDGET, Kind::Duration, "2s"),
    Key::new("sweep", SWEEP, Kind::Timeout, "1m"),
    Key::new("events", EVENTS, Kind::Flag, "false"),
    Key::new("header", HEADER, Kind::Token, "none"),
    Key::new("bearer", BEARER, Kind::Flag, "false"),
    Key::new("cookie.name", COOKIE_NAME, Kind::Token, "__Host-id"),
    Key::new("cookie.path", COOKIE_PATH, Kind::Path, "/"),
    Key::new("cookie.domain", COOKIE_DOMAIN, Kind::Text, "none"),
    Key::new("cookie.same_site", COOKIE_SAME_SITE, Kind::Word(SAME_SITE), "Lax"),
    Key::new("cookie.secure", COOKIE_SECURE, Kind::Flag, "true"),
    Key::new("cookie.http_only", COOKIE_HTTP_ONLY, Kind::Flag, "true"),
    Key::new("cookie.partitioned", COOKIE_PARTITIONED, Kind::Flag, "false"),
    Key::new("cookie.max_age", COOKIE_MAX_AGE, Kind::Duration, "none"),
    Key::new("cookie.base64", COOKIE_BASE64, Kind::Flag, "false"),
    Key::new("cookie.route", COOKIE_ROUTE, Kind::Route, "none"),
    Key::new("config", CONFIG, Kind::Text, "session.toml"),
];
