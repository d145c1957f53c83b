//! The settings that can be given as text: each by its property, from the most important source that says
//! something, or else from the annotation.

use std::fmt;
use std::time::Duration;

use session_core::{CookieResolver, FlushMode, HeaderResolver, Limits, SameSite, SaveMode};

use crate::annotation::Annotation;
use crate::keys::{
    ANONYMOUS_MAX_INACTIVE, BEARER, BUDGET, COOKIE_BASE64, COOKIE_DOMAIN, COOKIE_HTTP_ONLY, COOKIE_MAX_AGE,
    COOKIE_NAME, COOKIE_PARTITIONED, COOKIE_PATH, COOKIE_ROUTE, COOKIE_SAME_SITE, COOKIE_SECURE, EVENTS,
    FLUSH, FLUSH_MODES, HEADER, KEYS, Kind, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_INACTIVE, MAX_LIFETIME,
    MAX_SESSION_BYTES, NAMESPACE, RENEW_EVERY, SAME_SITE, SAVE, SAVE_MODES, SAVE_ON_ERROR, STORE, SWEEP,
    TOUCH,
};
use crate::mistakes::Mistakes;
use crate::redact::{self, Url};
use crate::resolve::Scope;
use crate::{duration, stores, values};

/// What was said, checked. `None`: nothing was said, and the manager's default holds.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// `Some(None)`: never.
    pub(crate) max_inactive: Option<Option<Duration>>,
    pub(crate) anonymous_max_inactive: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) renew_every: Option<Option<Duration>>,
    pub(crate) touch: Option<Duration>,
    pub(crate) store: Option<Given<Url>>,
    pub(crate) namespace: Option<String>,
    pub(crate) flush: Option<FlushMode>,
    pub(crate) save: Option<SaveMode>,
    pub(crate) save_on_error: Option<bool>,
    pub(crate) limits: Limits,
    pub(crate) budget: Option<Duration>,
    pub(crate) sweep: Option<Option<Duration>>,
    pub(crate) events: Option<bool>,
    pub(crate) transport: Option<Transport>,
    /// Where each value came from.
    pub(crate) said: Vec<Said>,
}

/// A value that holds, as it may be shown.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) property: &'static str,
    pub(crate) text: String,
    pub(crate) origin: String,
}

/// Which settings count: those for which the application has handed in nothing of its own.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) store: bool,
    pub(crate) transport: bool,
}

/// How ids travel.
#[derive(Debug)]
pub(crate) enum Transport {
    Cookie(CookieResolver),
    Header(HeaderResolver),
}

/// A value, and where it came from.
#[derive(Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) origin: String,
    /// The more, the more important.
    rank: usize,
}

/// Looks settings up, and notes what is wrong with them.
pub(crate) struct Reader<'a> {
    pub(crate) annotation: &'a Annotation,
    pub(crate) scope: Scope<'a>,
    pub(crate) mistakes: &'a mut Mistakes,
    pub(crate) said: Vec<Said>,
}

impl Reader<'_> {
    /// Reads all settings that count, also after a mistake.
    pub(crate) fn settings(mut self, counts: Counts) -> Settings {
        let mut limits = Limits::default();
        let limit = |place: &mut usize, given: Option<Given<usize>>| {
            *place = given.map_or(*place, |given| given.value);
        };
        limit(&mut limits.attribute_bytes, self.read(MAX_ATTRIBUTE_BYTES, values::parse_size));
        limit(&mut limits.session_bytes, self.read(MAX_SESSION_BYTES, values::parse_size));
        limit(&mut limits.attributes, self.read(MAX_ATTRIBUTES, values::parse_count));
        Settings {
            max_inactive: value(self.read(MAX_INACTIVE, duration::parse_timeout)),
            anonymous_max_inactive: value(self.read(ANONYMOUS_MAX_INACTIVE, duration::parse_duration)),
            max_lifetime: value(self.read(MAX_LIFETIME, duration::parse_timeout)).flatten(),
            renew_every: value(self.read(RENEW_EVERY, duration::parse_timeout)),
            touch: value(self.read(TOUCH, duration::parse_interval)),
            store: if counts.store { self.store() } else { None },
            namespace: value(self.read(NAMESPACE, text)),
            flush: value(self.read(FLUSH, flush)),
            save: value(self.read(SAVE, save)),
            save_on_error: value(self.read(SAVE_ON_ERROR, values::parse_flag)),
            limits,
            budget: value(self.read(BUDGET, duration::parse_duration)),
            sweep: value(self.read(SWEEP, duration::parse_timeout)),
            events: value(self.read(EVENTS, values::parse_flag)),
            transport: if counts.transport { self.transport() } else { None },
            said: self.said,
        }
    }

    fn store(&mut self) -> Option<Given<Url>> {
        let Given { value, origin, rank } = self.text(STORE)?;
        let value = Url::new(value);
        if let Err(mistake) = stores::check(&value) {
            self.mistakes.add(&origin, mistake);
        }
        self.said.push(Said { property: STORE, text: value.to_string(), origin: origin.clone() });
        Some(Given { value, origin, rank })
    }

    /// The id travels as the most important source says. What less important ones say of another way counts for
    /// nothing.
    fn transport(&mut self) -> Option<Transport> {
        let header = self.read(HEADER, |text| HeaderResolver::new(text).map_err(|error| error.to_string()));
        let bearer = self.read(BEARER, values::parse_flag).filter(|given| given.value);
        let cookie = self.cookie();
        let ways = [
            header.map(|given| given.map(Transport::Header)),
            bearer.map(|given| given.map(|_| Transport::Header(HeaderResolver::bearer()))),
            cookie.map(|given| given.map(Transport::Cookie)),
        ];
        let mut ways: Vec<_> = ways.into_iter().flatten().collect();
        ways.sort_by_key(|way| std::cmp::Reverse(way.rank));
        if let [first, second, ..] = &ways[..]
            && first.rank == second.rank
        {
            let both = format!("{}, {}", first.origin, second.origin);
            self.mistakes
                .add(&both, "a session's id travels in a cookie, in a header or as a bearer token: say one");
        }
        Some(ways.into_iter().next()?.value)
    }

    fn cookie(&mut self) -> Option<Given<CookieResolver>> {
        let (mut builder, mut origins, mut rank) = (CookieResolver::builder(), Vec::new(), None);
        macro_rules! set {
            ($property:ident, $parse:expr, $set:ident) => {
                if let Some(given) = self.read($property, $parse) {
                    builder = builder.$set(given.value);
                    origins.push(given.origin);
                    rank = rank.max(Some(given.rank));
                }
            };
        }
        set!(COOKIE_NAME, text, name);
        set!(COOKIE_PATH, text, path);
        set!(COOKIE_DOMAIN, text, domain);
        set!(COOKIE_SAME_SITE, same_site, same_site);
        set!(COOKIE_SECURE, values::parse_flag, secure);
        set!(COOKIE_HTTP_ONLY, values::parse_flag, http_only);
        set!(COOKIE_PARTITIONED, values::parse_flag, partitioned);
        set!(COOKIE_MAX_AGE, duration::parse_duration, max_age);
        set!(COOKIE_BASE64, values::parse_flag, base64);
        set!(COOKIE_ROUTE, text, route);
        let (rank, origin) = (rank?, origins.join(", "));
        match builder.build() {
            Ok(value) => Some(Given { value, origin, rank }),
            Err(error) => {
                self.mistakes.add(&origin, error);
                None
            }
        }
    }

    /// A setting that is checked as its kind is, and parsed.
    fn read<T, E: fmt::Display>(
        &mut self,
        property: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Given<T>> {
        let Given { value: text, origin, rank } = self.text(property)?;
        let kind = KEYS.iter().find(|key| key.property == property).map_or(Kind::Text, |key| key.kind);
        let parsed =
            values::check(kind, &text).and_then(|()| parse(&text).map_err(|error| error.to_string()));
        match parsed {
            Ok(value) => {
                self.said.push(Said { property, text, origin: origin.clone() });
                Some(Given { value, origin, rank })
            }
            Err(mistake) => {
                self.mistakes.add(&origin, format_args!("{} {mistake}", redact::value(&text)));
                None
            }
        }
    }

    fn text(&mut self, property: &str) -> Option<Given<String>> {
        let (origin, resolved, rank) = match self.scope.layers.find(property) {
            Some(found) => {
                let (origin, rank) = (found.origin.clone(), found.rank);
                (origin, self.scope.value(property, found), rank)
            }
            None => {
                let (_, template) = self.annotation.settings.iter().find(|(name, _)| *name == property)?;
                let origin = self.annotation.describe(property);
                let resolved = self.scope.resolve(template).map(|mut resolved| {
                    resolved.origins.insert(0, origin.clone());
                    resolved
                });
                (origin, resolved, 0)
            }
        };
        match resolved {
            Ok(resolved) => {
                Some(Given { value: resolved.text, origin: resolved.origins.join(" with "), rank })
            }
            Err(unresolved) => {
                unresolved.mistakes.iter().for_each(|mistake| self.mistakes.add(&origin, mistake));
                None
            }
        }
    }
}

impl<T> Given<T> {
    fn map<U>(self, map: impl FnOnce(T) -> U) -> Given<U> {
        Given { value: map(self.value), origin: self.origin, rank: self.rank }
    }
}

fn value<T>(given: Option<Given<T>>) -> Option<T> {
    given.map(|given| given.value)
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn same_site(text: &str) -> Result<SameSite, String> {
    Ok(match values::parse_word(text, SAME_SITE)? {
        "Strict" => SameSite::Strict,
        "None" => SameSite::None,
        _ => SameSite::Lax,
    })
}

fn flush(text: &str) -> Result<FlushMode, String> {
    Ok(match values::parse_word(text, FLUSH_MODES)? {
        "immediate" => FlushMode::Immediate,
        _ => FlushMode::OnCommit,
    })
}

fn save(text: &str) -> Result<SaveMode, String> {
    Ok(match values::parse_word(text, SAVE_MODES)? {
        "read" => SaveMode::Read,
        "always" => SaveMode::Always,
        _ => SaveMode::Changed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that people read is the table that the program reads.
    #[test]
    fn each_setting_stands_in_the_documentation_with_its_default_and_its_variable() {
        let documentation = include_str!("lib.rs");
        for key in KEYS {
            let variable = key.property.to_uppercase().replace(['.', '-'], "_");
            let row = documentation
                .lines()
                .find(|line| line.starts_with("/// | `") && line.contains(&format!("`{variable}` |")));
            let row = row.unwrap_or_else(|| panic!("no row for {variable}"));
            let name = match key.is_of_cookie() {
                true => format!("/// | `cookie({}", key.name.trim_start_matches("cookie.")),
                false => format!("/// | `{}", key.name),
            };
            assert!(row.starts_with(&name), "{row}");
            let default = row.split('|').nth(2).unwrap().replace(['`', '"'], "");
            assert!(default.trim().starts_with(key.default), "{default} is not {}: {row}", key.default);
        }
    }
}
