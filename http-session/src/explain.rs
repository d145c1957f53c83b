//! What holds, and why.

use std::fmt;
use std::time::Duration;

use session_core::CookieResolver;

use crate::builder::Read;
use crate::keys::{
    BEARER, CONFIG, COOKIE_HTTP_ONLY, COOKIE_MAX_AGE, COOKIE_NAME, COOKIE_SAME_SITE, COOKIE_SECURE, HEADER,
    KEYS, Key, STORE,
};
use crate::settings::{Settings, Transport};
use crate::values;

/// The settings that hold, each with where its value comes from: a table, by its `Display`.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # fn example() -> http_session::Result<()> {
/// let sessions = http_session::Builder::new().source([("session.max-inactive", "2h")]);
/// let explanation = sessions.explain()?;
/// assert_eq!(explanation.origin("session.max-inactive"), Some("property session.max-inactive"));
/// assert!(explanation.warnings().iter().any(|warning| warning.contains("AAL2")));
/// println!("{explanation}");
/// # Ok(())
/// # }
/// # #[cfg(feature = "memory")]
/// # example().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Explanation {
    name: &'static str,
    sources: Vec<String>,
    rows: Vec<Row>,
    warnings: Vec<String>,
}

#[derive(Clone, Debug)]
struct Row {
    property: &'static str,
    value: String,
    origin: String,
}

pub(crate) const HANDED_IN: &str = "handed in by the program";

impl Explanation {
    pub(crate) fn new(
        name: &'static str,
        read: &Read,
        handed_in: &[&'static str],
        own_store: Option<&str>,
        own_resolver: bool,
    ) -> Self {
        let Read { settings, sources, .. } = read;
        let way = Way::of(settings, own_resolver);
        let rows = KEYS.iter().filter(|key| key.property != CONFIG && way.has(key)).map(|key| {
            let said = settings.said.iter().find(|said| said.property == key.property);
            let own_store = own_store.filter(|_| key.property == STORE);
            let own = own_store.or(handed_in.contains(&key.property).then_some(HANDED_IN));
            let (value, origin) = match said {
                _ if own.is_some() => ("…".to_owned(), own.unwrap_or_default().to_owned()),
                Some(said) => (said.text.clone(), said.origin.clone()),
                None if key.property == COOKIE_NAME => (way.cookie_name(settings), "default".to_owned()),
                None => (key.default.to_owned(), "default".to_owned()),
            };
            Row { property: key.property, value, origin }
        });
        let mut rows: Vec<_> = rows.collect();
        if way == Way::Own {
            rows.push(Row { property: "resolver", value: "…".to_owned(), origin: HANDED_IN.to_owned() });
        }
        Self { name, sources: sources.clone(), rows, warnings: nist(settings) }
    }

    /// What is outside the limits of NIST SP 800-63B-4, and at which of its assurance levels.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The value of a setting, by its property, as it was written. A store's URL is without its secrets.
    #[must_use]
    pub fn value(&self, property: &str) -> Option<&str> {
        self.row(property).map(|row| &*row.value)
    }

    /// Where the value of a setting comes from, by its property: `default` where nothing was said.
    #[must_use]
    pub fn origin(&self, property: &str) -> Option<&str> {
        self.row(property).map(|row| &*row.origin)
    }

    fn row(&self, property: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.property == property)
    }
}

/// How ids travel: what there is to be said of the other ways does not matter.
#[derive(PartialEq, Eq)]
enum Way {
    Cookie,
    Header,
    Own,
}

impl Way {
    fn of(settings: &Settings, own_resolver: bool) -> Self {
        match &settings.transport {
            Some(Transport::Cookie(_)) => Self::Cookie,
            Some(Transport::Header(_)) => Self::Header,
            None if own_resolver => Self::Own,
            None => Self::Cookie,
        }
    }

    fn has(&self, key: &Key) -> bool {
        match key.property {
            HEADER | BEARER => *self == Self::Header,
            _ => !key.is_of_cookie() || *self == Self::Cookie,
        }
    }

    /// The default depends on the other settings.
    fn cookie_name(&self, settings: &Settings) -> String {
        match &settings.transport {
            Some(Transport::Cookie(cookie)) => cookie.name().to_owned(),
            Some(Transport::Header(_)) | None => CookieResolver::default().name().to_owned(),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A level of NIST SP 800-63B-4, and how long it lets sessions live.
struct Level {
    name: &'static str,
    section: &'static str,
    overall: (Duration, &'static str, &'static str),
    inactive: Option<(Duration, &'static str)>,
}

/// "A definite reauthentication overall timeout SHALL be established" (2.1.3, 2.2.3), and how long it may be.
const LEVELS: [Level; 3] = [
    Level {
        name: "AAL1",
        section: "2.1.3",
        overall: (DAY.saturating_mul(30), "30 days", "SHOULD"),
        inactive: None,
    },
    Level {
        name: "AAL2",
        section: "2.2.3",
        overall: (HOUR.saturating_mul(24), "24 hours", "SHOULD"),
        inactive: Some((HOUR, "1 hour")),
    },
    Level {
        name: "AAL3",
        section: "2.3.3",
        overall: (HOUR.saturating_mul(12), "12 hours", "SHALL"),
        inactive: Some((MINUTE.saturating_mul(15), "15 minutes")),
    },
];

fn nist(settings: &Settings) -> Vec<String> {
    let Ok(expiry) = settings.expiry() else { return Vec::new() };
    let mut warnings = Vec::new();
    if expiry.absolute_timeout().is_none() {
        warnings.push(
            "session.max-lifetime: NIST SP 800-63B-4 requires a definite overall timeout at every level (2.1.3, 2.2.3, \
             2.3.3): at most 30 days (AAL1), 24 hours (AAL2), 12 hours (AAL3)"
                .to_owned(),
        );
    }
    for Level { name, section, overall: (most, shown, word), inactive } in LEVELS {
        if expiry.absolute_timeout().is_some_and(|timeout| timeout > most) {
            warnings.push(format!(
                "session.max-lifetime: at {name} the overall timeout {word} be no more than {shown} (NIST SP \
                 800-63B-4, {section})"
            ));
        }
        let Some((most, shown)) = inactive else { continue };
        if expiry.idle_timeout().is_none_or(|timeout| timeout > most) {
            warnings.push(format!(
                "session.max-inactive: at {name} the inactivity timeout SHOULD be no more than {shown} (NIST SP \
                 800-63B-4, {section})"
            ));
        }
    }
    warnings.extend(cookie(settings));
    warnings
}

/// What is said of cookies: 5.1 and 5.1.1.
fn cookie(settings: &Settings) -> Vec<String> {
    let Some(Transport::Cookie(resolver)) = &settings.transport else { return Vec::new() };
    let is = |property, is_so: fn(&str) -> bool| {
        settings.said.iter().any(|said| said.property == property && is_so(&said.text))
    };
    let is_off: fn(&str) -> bool = |text| values::parse_flag(text) == Ok(false);
    let mut warnings = Vec::new();
    let mut warn = |property: &str, rule: &str| {
        warnings.push(format!("{property}: {rule} (NIST SP 800-63B-4, 5.1)"));
    };
    if is(COOKIE_SECURE, is_off) {
        warn(COOKIE_SECURE, "session cookies SHALL be accessible only on secure (HTTPS) sessions");
    }
    if is(COOKIE_HTTP_ONLY, is_off) {
        warn(COOKIE_HTTP_ONLY, "session cookies SHOULD be inaccessible to scripts");
    }
    if is(COOKIE_SAME_SITE, |text| text.eq_ignore_ascii_case("none")) {
        warn(COOKIE_SAME_SITE, "session cookies SHOULD be SameSite=Lax or SameSite=Strict");
    }
    if !resolver.name().starts_with("__Host-") {
        warn(COOKIE_NAME, "session cookies SHOULD have the prefix __Host-");
    }
    if is(COOKIE_MAX_AGE, |_| true) {
        warn(COOKIE_MAX_AGE, "session secrets SHOULD NOT be persistent");
    }
    warnings
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Row) -> &str, title: &str| {
            self.rows.iter().map(|row| column(row).chars().count()).chain([title.len()]).max().unwrap_or(0)
        };
        let property = width(|row| row.property, "setting");
        let value = width(|row| &row.value, "value");
        writeln!(f, "{}, by {}", self.name, self.sources.join(", "))?;
        writeln!(f, "{:property$}  {:value$}  from", "setting", "value")?;
        for row in &self.rows {
            writeln!(f, "{:property$}  {:value$}  {}", row.property, row.value, row.origin)?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
