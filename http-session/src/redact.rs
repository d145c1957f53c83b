//! What of a setting may be shown. A URL may hold a password in front of its host and anything in its query.

use std::fmt;

/// A URL that shows itself without its secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// All of it.
    #[cfg_attr(
        not(any(feature = "redis", feature = "postgres", feature = "mysql", feature = "sqlite")),
        expect(dead_code, reason = "for a store that connects")
    )]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What stands before the first colon, in lower case. `None` where that cannot be a scheme.
    pub(crate) fn scheme(&self) -> Option<String> {
        let (scheme, _) = self.0.split_once(':')?;
        let is_scheme = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        is_scheme.then(|| scheme.to_ascii_lowercase())
    }

    /// What stands behind the scheme.
    pub(crate) fn rest(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, rest)| rest)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(scheme) = self.scheme() else { return f.write_str("…") };
        // Up to the last `@`: a password may hold anything when it should have been encoded and was not.
        let (user, rest) = match self.rest().rsplit_once('@') {
            Some((_, rest)) => ("//…@", rest),
            None => ("", self.rest()),
        };
        let (rest, query) = match rest.find(['?', '#']) {
            Some(at) => (&rest[..at], "?…"),
            None => (rest, ""),
        };
        write!(f, "{scheme}:{user}{rest}{query}")
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// A value that was meant to be something short, as it may be shown in a message. What looks like a URL or a
/// whole file has come from the wrong place and may hold a password.
pub(crate) fn value(text: &str) -> String {
    if text.contains([':', '@']) || text.chars().count() > 40 {
        "…".to_owned()
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_password_nor_query() {
        for (url, shown) in [
            ("redis://localhost:6379/0", "redis://localhost:6379/0"),
            ("redis://:hunter2@localhost", "redis://…@localhost"),
            ("redis://user:hunt@er/2@localhost:1/0", "redis://…@localhost:1/0"),
            ("rediss://h/?password=hunter2#x", "rediss://h/?…"),
            ("redis://h?a=b@c", "redis://…@c"),
            ("REDIS://h", "redis://h"),
            ("hunter2", "…"),
            ("hunt er2://x", "…"),
        ] {
            assert_eq!(Url::new(url).to_string(), shown);
            assert!(!format!("{:?}", Url::new(url)).contains("hunter2"));
        }
    }
}
