//! The settings that can be given as text: each by its property, from the source or else from the annotation.

use std::fmt;

use session_core::{CookieResolver, Expiry, HeaderResolver, SameSite};

use crate::annotation::Annotation;
use crate::mistakes::Mistakes;
use crate::redact::{self, Url};
use crate::resolve::Scope;
use crate::{duration, stores};

const MAX_INACTIVE: &str = "session.max-inactive";
const STORE: &str = "session.store";
const NAMESPACE: &str = "session.namespace";
const HEADER: &str = "session.header";
const COOKIE_NAME: &str = "session.cookie.name";
const COOKIE_PATH: &str = "session.cookie.path";
const COOKIE_DOMAIN: &str = "session.cookie.domain";
const COOKIE_SAME_SITE: &str = "session.cookie.same-site";
const COOKIE_HTTP_ONLY: &str = "session.cookie.http-only";
const COOKIE_PLAIN_HTTP: &str = "session.cookie.plain-http";

/// What was said, checked. `None`: nothing was said, and the manager's default holds.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) expiry: Option<Expiry>,
    pub(crate) store: Option<Given<Url>>,
    pub(crate) namespace: Option<String>,
    pub(crate) transport: Option<Transport>,
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
    level: Level,
}

/// The later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Annotation,
    Source,
}

/// Looks settings up, and notes what is wrong with them.
pub(crate) struct Reader<'a> {
    pub(crate) annotation: &'a Annotation,
    pub(crate) scope: Scope<'a>,
    pub(crate) mistakes: &'a mut Mistakes,
}

impl Reader<'_> {
    /// Reads all settings that count, also after a mistake.
    pub(crate) fn settings(&mut self, counts: Counts) -> Settings {
        Settings {
            expiry: self.parsed(MAX_INACTIVE, expiry).map(|given| given.value),
            store: if counts.store { self.store() } else { None },
            namespace: self.parsed(NAMESPACE, namespace).map(|given| given.value),
            transport: if counts.transport { self.transport() } else { None },
        }
    }

    fn store(&mut self) -> Option<Given<Url>> {
        let given = self.text(STORE)?;
        let url = Url::new(given.value);
        if let Err(mistake) = stores::check(&url) {
            self.mistakes.add(&given.origin, mistake);
        }
        Some(Given { value: url, origin: given.origin, level: given.level })
    }

    /// What was said of cookies where more important words were said of a header counts for nothing, and the
    /// other way round.
    fn transport(&mut self) -> Option<Transport> {
        let header = self.parsed(HEADER, |text| HeaderResolver::new(text).map_err(|error| error.to_string()));
        let cookie = self.cookie();
        match (header, cookie) {
            (None, None) => None,
            (Some(header), None) => Some(Transport::Header(header.value)),
            (None, Some(cookie)) => Some(Transport::Cookie(cookie.value)),
            (Some(header), Some(cookie)) => {
                if header.level == cookie.level {
                    let both = format!("{}, {}", header.origin, cookie.origin);
                    self.mistakes
                        .add(&both, "a session's id travels in a header or in a cookie, not in both");
                }
                Some(if header.level > cookie.level {
                    Transport::Header(header.value)
                } else {
                    Transport::Cookie(cookie.value)
                })
            }
        }
    }

    fn cookie(&mut self) -> Option<Given<CookieResolver>> {
        let name = self.text(COOKIE_NAME);
        let path = self.text(COOKIE_PATH);
        let domain = self.text(COOKIE_DOMAIN);
        let same_site = self.parsed(COOKIE_SAME_SITE, same_site);
        let http_only = self.parsed(COOKIE_HTTP_ONLY, flag);
        let plain_http = self.parsed(COOKIE_PLAIN_HTTP, flag);

        let (mut builder, mut origins, mut level) = (CookieResolver::builder(), Vec::new(), None);
        let mut note = |origin: String, said: Level| {
            origins.push(origin);
            level = level.max(Some(said));
        };
        if let Some(given) = name {
            builder = builder.name(given.value);
            note(given.origin, given.level);
        }
        if let Some(given) = path {
            builder = builder.path(given.value);
            note(given.origin, given.level);
        }
        if let Some(given) = domain {
            builder = builder.domain(given.value);
            note(given.origin, given.level);
        }
        if let Some(given) = same_site {
            builder = builder.same_site(given.value);
            note(given.origin, given.level);
        }
        if let Some(given) = http_only {
            builder = builder.http_only(given.value);
            note(given.origin, given.level);
        }
        if let Some(given) = plain_http {
            builder = builder.secure(!given.value);
            note(given.origin, given.level);
        }
        let (level, origin) = (level?, origins.join(", "));
        match builder.build() {
            Ok(value) => Some(Given { value, origin, level }),
            Err(error) => {
                self.mistakes.add(&origin, error);
                None
            }
        }
    }

    fn parsed<T>(&mut self, property: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Given<T>> {
        let given = self.text(property)?;
        match parse(&given.value) {
            Ok(value) => Some(Given { value, origin: given.origin, level: given.level }),
            Err(mistake) => {
                self.mistakes.add(&given.origin, mistake);
                None
            }
        }
    }

    fn text(&mut self, property: &str) -> Option<Given<String>> {
        if let Some(value) = self.scope.source.get(property) {
            let origin = self.scope.source.describe(property);
            return Some(Given { value, origin, level: Level::Source });
        }
        let (_, template) = self.annotation.settings.iter().find(|(name, _)| *name == property)?;
        let origin = self.annotation.describe(property);
        match self.scope.resolve(template) {
            Ok(resolved) => {
                let parts = std::iter::once(origin).chain(resolved.properties);
                let origin = parts.collect::<Vec<_>>().join(" with ");
                Some(Given { value: resolved.text, origin, level: Level::Annotation })
            }
            Err(mistakes) => {
                mistakes.iter().for_each(|mistake| self.mistakes.add(&origin, mistake));
                None
            }
        }
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    let timeout = duration::parse_timeout(text).map_err(|mistake| said(text, mistake))?;
    let expiry = timeout.map_or(Ok(Expiry::never()), Expiry::idle);
    expiry.map_err(|error| error.to_string())
}

fn namespace(text: &str) -> Result<String, String> {
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    if !(1..=100).contains(&text.len()) || !text.bytes().all(belongs) {
        return Err(said(text, "is not a namespace: 1 to 100 letters, digits and -_.:/"));
    }
    Ok(text.to_owned())
}

fn same_site(text: &str) -> Result<SameSite, String> {
    match text.to_ascii_lowercase().as_str() {
        "strict" => Ok(SameSite::Strict),
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        _ => Err(said(text, "is neither Strict nor Lax nor None")),
    }
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(said(text, "is neither true nor false")),
    }
}

fn said(text: &str, mistake: impl fmt::Display) -> String {
    format!("{} {mistake}", redact::value(text))
}
