use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

/// Where settings come from at run time: the environment ([`Env`]), or a map.
///
/// Names are those of properties: `session.max-inactive`, `redis.hostname`.
///
/// ```
/// use http_session::Source as _;
///
/// let source = [("redis.hostname", "cache.internal")];
/// assert_eq!(source.get("redis.hostname").as_deref(), Some("cache.internal"));
/// assert_eq!(source.get("redis.port"), None);
/// ```
pub trait Source: Send + Sync {
    /// What the source says of this property, if anything.
    fn get(&self, name: &str) -> Option<String>;

    /// How the property is called here, for messages: `environment variable REDIS_HOSTNAME`.
    fn describe(&self, name: &str) -> String {
        format!("property {name}")
    }

    /// Whether `${name:default}` in a value stands for another property. Default: no. It does in a file; in the
    /// environment a value stands for itself, so that a password may hold any character.
    fn has_placeholders(&self) -> bool {
        false
    }
}

/// The process' environment, by relaxed names: the property `session.max-inactive` is the variable
/// `SESSION_MAX_INACTIVE`, or `SESSION_MAXINACTIVE` where that is not set. An empty variable counts as not set.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "the value is written as its name")]
pub struct Env;

impl Env {
    /// The environment variable of a property: upper case, and `_` for what is neither letter nor digit.
    fn variable(name: &str) -> String {
        name.chars()
            .map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' })
            .collect()
    }

    /// The variable that is set, and what it holds: also by the name that Spring gives it, without the dashes.
    fn find(name: &str, read: impl Fn(&str) -> Option<OsString>) -> Option<(String, String)> {
        [Self::variable(name), Self::variable(&name.replace('-', ""))].into_iter().find_map(|variable| {
            // What is not Unicode is wrong as any setting: with the characters replaced it is reported as such.
            let text = read(&variable)?.to_string_lossy().into_owned();
            (!text.is_empty()).then_some((variable, text))
        })
    }
}

impl Source for Env {
    fn get(&self, name: &str) -> Option<String> {
        Self::find(name, |variable| std::env::var_os(variable)).map(|(_, text)| text)
    }

    fn describe(&self, name: &str) -> String {
        let found = Self::find(name, |variable| std::env::var_os(variable));
        format!(
            "environment variable {}",
            found.map_or_else(|| Self::variable(name), |(variable, _)| variable)
        )
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
    }

    fn has_placeholders(&self) -> bool {
        (**self).has_placeholders()
    }

    fn describe(&self, name: &str) -> String {
        (**self).describe(name)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
    }

    fn has_placeholders(&self) -> bool {
        (**self).has_placeholders()
    }

    fn describe(&self, name: &str) -> String {
        (**self).describe(name)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
    }

    fn has_placeholders(&self) -> bool {
        (**self).has_placeholders()
    }

    fn describe(&self, name: &str) -> String {
        (**self).describe(name)
    }
}

impl<K, V, H> Source for HashMap<K, V, H>
where
    K: Borrow<str> + Eq + Hash + Send + Sync,
    V: AsRef<str> + Send + Sync,
    H: BuildHasher + Send + Sync,
{
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.as_ref().to_owned())
    }
}

impl<K, V> Source for BTreeMap<K, V>
where
    K: Borrow<str> + Ord + Send + Sync,
    V: AsRef<str> + Send + Sync,
{
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.as_ref().to_owned())
    }
}

impl<K, V> Source for [(K, V)]
where
    K: AsRef<str> + Send + Sync,
    V: AsRef<str> + Send + Sync,
{
    fn get(&self, name: &str) -> Option<String> {
        self.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value.as_ref().to_owned())
    }
}

impl<K, V, const N: usize> Source for [(K, V); N]
where
    K: AsRef<str> + Send + Sync,
    V: AsRef<str> + Send + Sync,
{
    fn get(&self, name: &str) -> Option<String> {
        Source::get(&self[..], name)
    }
}

impl<K, V> Source for Vec<(K, V)>
where
    K: AsRef<str> + Send + Sync,
    V: AsRef<str> + Send + Sync,
{
    fn get(&self, name: &str) -> Option<String> {
        Source::get(&self[..], name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_found_by_its_variable_with_or_without_dashes() {
        assert_eq!(Env::variable("session.cookie.same-site"), "SESSION_COOKIE_SAME_SITE");
        assert_eq!(Env.describe("redis.hostname"), "environment variable REDIS_HOSTNAME");
        let find = |set: &[(&str, &str)]| {
            Env::find("session.cookie.same-site", |name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, text)| text.into())
            })
        };
        let found = |name: &str, text: &str| Some((name.to_owned(), text.to_owned()));
        let (long, short) = ("SESSION_COOKIE_SAME_SITE", "SESSION_COOKIE_SAMESITE");
        assert_eq!(find(&[(long, "Lax")]), found(long, "Lax"));
        assert_eq!(find(&[(short, "Lax")]), found(short, "Lax"));
        assert_eq!(find(&[(short, "Lax"), (long, "None")]), found(long, "None"));
        assert_eq!(find(&[(short, "Lax"), (long, "")]), found(short, "Lax"));
        assert_eq!(find(&[(long, "")]), None);
    }
}
