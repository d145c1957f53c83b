//! What is wrong with the settings themselves. Only texts that stand for themselves can be judged here: those
//! with `${…}` or `{…}` in them are judged at start, as are those of the file and of the environment.

use crate::attr::{Given, Options};
use crate::keys::{
    BEARER, COOKIE_DOMAIN, COOKIE_HTTP_ONLY, COOKIE_NAME, COOKIE_PARTITIONED, COOKIE_PATH, COOKIE_SAME_SITE,
    COOKIE_SECURE, HEADER, Kind,
};
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;
use crate::values;

pub(crate) fn check(options: &Options, mistakes: &mut Mistakes) {
    for given in options.given.iter().filter(|given| is_literal(given)) {
        if let Err(mistake) = values::check(given.key.kind, &given.text) {
            let hint = match given.key.kind {
                Kind::Word(words) => did_you_mean(&given.text, words.iter().copied()),
                _ => String::new(),
            };
            let name = given.key.short_name();
            mistakes.add(given.at, format!("`{name}`: {:?} {mistake}{hint}", given.text));
        }
    }
    one_transport(options, mistakes);
    cookie(options, mistakes);
}

/// An id travels in one way.
fn one_transport(options: &Options, mistakes: &mut Mistakes) {
    let is_on = |given: &&Given| given.key.property != BEARER || given.text != "false";
    let at = |property| options.get(property).filter(is_on).map(|given| given.at);
    let resolver = options.resolver.as_ref().map(syn::spanned::Spanned::span);
    let ways =
        [("cookie", options.cookie), ("header", at(HEADER)), ("bearer", at(BEARER)), ("resolver", resolver)];
    let given: Vec<_> = ways.iter().filter_map(|(name, at)| at.map(|at| (name, at))).collect();
    if let [(first, at), (second, _), ..] = given[..] {
        mistakes.add(at, format!("`{first}` and `{second}`: a session's id travels in one of them"));
    }
}

/// What clients would make of the cookie: they drop it without a word.
fn cookie(options: &Options, mistakes: &mut Mistakes) {
    let literal = |property| options.get(property).filter(|given| is_literal(given));
    let is = |property, text: &str| literal(property).filter(|given| given.text.eq_ignore_ascii_case(text));
    let insecure = is(COOKIE_SECURE, "false");
    if let Some(given) = is(COOKIE_SAME_SITE, "none").filter(|_| insecure.is_some()) {
        mistakes.add(given.at, "browsers drop a cookie with `same_site = \"None\"` and `secure = false`");
    }
    if let Some(given) = is(COOKIE_PARTITIONED, "true").filter(|_| insecure.is_some()) {
        mistakes.add(given.at, "browsers drop a cookie that is `partitioned` and has `secure = false`");
    }
    let Some(name) = literal(COOKIE_NAME) else { return };
    let has_prefix =
        |prefix: &str| name.text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let (host, http) = (has_prefix("__Host-"), has_prefix("__Http-") || has_prefix("__Host-Http-"));
    if let Some(given) = insecure.filter(|_| host || http || has_prefix("__Secure-")) {
        mistakes.add(given.at, format!("browsers drop a cookie named {:?} with `secure = false`", name.text));
    }
    if let Some(given) = is(COOKIE_HTTP_ONLY, "false").filter(|_| http) {
        mistakes
            .add(given.at, format!("browsers drop a cookie named {:?} with `http_only = false`", name.text));
    }
    let wide = options.get(COOKIE_DOMAIN).or(literal(COOKIE_PATH).filter(|path| path.text != "/"));
    if let Some(wide) = wide.filter(|_| host) {
        let what = wide.key.short_name();
        let message = format!(
            "browsers drop a cookie named {:?} with a `{what}`: name it \"__Secure-…\" instead",
            name.text
        );
        mistakes.add(wide.at, message);
    }
}

fn is_literal(given: &Given) -> bool {
    !given.text.contains(['{', '}'])
}
