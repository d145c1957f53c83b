use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
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
}

/// The process' environment, by relaxed names: the property `session.max-inactive` is the variable
/// `SESSION_MAX_INACTIVE`. An empty variable counts as not set.
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
}

impl Source for Env {
    fn get(&self, name: &str) -> Option<String> {
        let value = std::env::var_os(Self::variable(name))?;
        // What is not Unicode is wrong as any setting: with the characters replaced it is reported as such.
        Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
    }

    fn describe(&self, name: &str) -> String {
        format!("environment variable {}", Self::variable(name))
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
    }

    fn describe(&self, name: &str) -> String {
        (**self).describe(name)
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
    }

    fn describe(&self, name: &str) -> String {
        (**self).describe(name)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn get(&self, name: &str) -> Option<String> {
        (**self).get(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_has_one_environment_variable() {
        assert_eq!(Env::variable("session.cookie.same-site"), "SESSION_COOKIE_SAME_SITE");
        assert_eq!(Env.describe("redis.hostname"), "environment variable REDIS_HOSTNAME");
    }
}
