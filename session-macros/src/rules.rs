//! What is wrong with the settings themselves. Only texts that stand for themselves can be judged here: those
//! with `${…}` or `{…}` in them are judged at start, as are the environment's.

use crate::attr::{Given, Options};
use crate::duration;
use crate::keys::{
    COOKIE_DOMAIN, COOKIE_NAME, COOKIE_PATH, COOKIE_PLAIN_HTTP, COOKIE_SAME_SITE, HEADER, Kind, NAMESPACE,
    STORE,
};
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;

const SAME_SITE: [&str; 3] = ["Strict", "Lax", "None"];

pub(crate) fn check(options: &Options, mistakes: &mut Mistakes) {
    for given in options.given.iter().filter(|given| is_literal(given)) {
        if let Some(message) = alone(given) {
            mistakes.add(given.at, message);
        }
    }
    if let (Some(cookie), Some(_)) = (options.cookie, options.get(HEADER)) {
        mistakes.add(cookie, "`cookie` and `header`: a session's id travels in one of them");
    }
    together(options, mistakes);
}

/// What is wrong with a value by itself.
fn alone(given: &Given) -> Option<String> {
    let (name, text) = (given.key.name, given.text.as_str());
    match given.key.property {
        _ if given.key.kind == Kind::Timeout => {
            duration::parse_timeout(text).err().map(|mistake| format!("`{name}`: {text:?} {mistake}"))
        }
        STORE if !text.contains(':') => {
            Some("`store` is a URL, such as \"memory:\" or \"redis://localhost:6379\"".to_owned())
        }
        NAMESPACE if !(1..=100).contains(&text.len()) || !text.bytes().all(is_in_namespaces) => {
            Some("`namespace` is a name of 1 to 100 letters, digits and -_.:/".to_owned())
        }
        HEADER | COOKIE_NAME if text.is_empty() || !text.bytes().all(is_token) => {
            let what = if given.key.property == HEADER { "header" } else { "cookie" };
            Some(format!("{text:?} cannot name a {what}: letters, digits and !#$%&'*+-.^_`|~"))
        }
        COOKIE_PATH if !text.starts_with('/') => Some("the path of a cookie begins with `/`".to_owned()),
        COOKIE_SAME_SITE if !SAME_SITE.iter().any(|known| known.eq_ignore_ascii_case(text)) => {
            let hint = did_you_mean(text, SAME_SITE);
            Some(format!("`same_site` is \"Strict\", \"Lax\" or \"None\"{hint}"))
        }
        _ => None,
    }
}

/// What clients would make of the cookie: they drop it without a word.
fn together(options: &Options, mistakes: &mut Mistakes) {
    let literal = |property| options.get(property).filter(|given| is_literal(given));
    let plain_http = literal(COOKIE_PLAIN_HTTP).is_some_and(|given| given.text == "true");
    if let Some(given) = literal(COOKIE_SAME_SITE).filter(|given| given.text.eq_ignore_ascii_case("none"))
        && plain_http
    {
        mistakes.add(
            given.at,
            "browsers drop a cookie with `same_site = \"None\"` that is sent over `plain_http`",
        );
    }
    let Some(name) = literal(COOKIE_NAME) else { return };
    let has_prefix =
        |prefix: &str| name.text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if plain_http && (has_prefix("__Host-") || has_prefix("__Secure-")) {
        mistakes.add(
            name.at,
            format!("browsers take a cookie named {:?} over TLS only: no `plain_http`", name.text),
        );
    }
    let Some(wide) = options.get(COOKIE_DOMAIN).or(literal(COOKIE_PATH).filter(|path| path.text != "/"))
    else {
        return;
    };
    if has_prefix("__Host-") {
        let what = wide.key.name;
        mistakes.add(
            wide.at,
            format!(
                "browsers drop a cookie named {:?} with a `{what}`: name it \"__Secure-…\" instead",
                name.text
            ),
        );
    }
}

fn is_literal(given: &Given) -> bool {
    !given.text.contains(['{', '}'])
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What every store takes: a namespace that is fine in memory must not fail where the application goes live.
fn is_in_namespaces(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte)
}
