//! How settings are written. The file stands in `session-macros` and in `http-session` alike, because a proc macro
//! and the crate that re-exports it have no other way to share code; a test keeps the two equal.
//!
//! What is wrong with a text is said as the end of a sentence that begins with it: `"soon" is not a duration`.

use crate::duration;
use crate::keys::Kind;

const NOT_NUMBER: &str = "is not a whole number from 1 on";
const NOT_SIZE: &str = "is not a number of bytes: say 65536, or a text like \"64KiB\" or \"1MiB\"";
const TOO_LARGE: &str = "is larger than can be counted";

/// Whether this can be the setting's value.
pub(crate) fn check(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Timeout => drop(duration::parse_timeout(text)?),
        Kind::Duration => drop(duration::parse_duration(text)?),
        Kind::Interval => drop(duration::parse_interval(text)?),
        Kind::Size => drop(parse_size(text)?),
        Kind::Count => drop(parse_count(text)?),
        Kind::Flag => drop(parse_flag(text)?),
        Kind::Word(words) => drop(parse_word(text, words)?),
        Kind::Store if !text.contains(':') => {
            return Err("is not the URL of a store, such as \"memory:\" or \"redis://localhost:6379\"".into());
        }
        Kind::Namespace if !(1..=100).contains(&text.len()) || !text.bytes().all(is_in_namespaces) => {
            return Err("is not a namespace: 1 to 100 letters, digits and -_.:/".into());
        }
        Kind::Token if text.is_empty() || !text.bytes().all(is_token) => {
            return Err("cannot be a name in HTTP: letters, digits and !#$%&'*+-.^_`|~".into());
        }
        Kind::Path if !text.starts_with('/') => {
            return Err("is not the path of a cookie: it begins with /".into());
        }
        Kind::Route if !(1..=100).contains(&text.len()) || !text.bytes().all(is_in_routes) => {
            return Err("is not a route: 1 to 100 letters, digits and -_".into());
        }
        Kind::Store | Kind::Namespace | Kind::Token | Kind::Path | Kind::Route | Kind::Text => {}
    }
    Ok(())
}

pub(crate) fn parse_flag(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("is neither true nor false"),
    }
}

pub(crate) fn parse_count(text: &str) -> Result<usize, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_NUMBER);
    }
    match text.parse() {
        Ok(0) => Err(NOT_NUMBER),
        Ok(count) => Ok(count),
        Err(_) => Err(TOO_LARGE),
    }
}

/// Bytes, or with a unit `B`, `KiB`, `MiB` or `GiB`. As in Spring `KB` is 1024 bytes, too.
pub(crate) fn parse_size(text: &str) -> Result<usize, &'static str> {
    let digits = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return Err(NOT_SIZE),
    };
    let number =
        parse_count(number).map_err(|mistake| if mistake == TOO_LARGE { mistake } else { NOT_SIZE })?;
    number.checked_mul(1 << shift).ok_or(TOO_LARGE)
}

/// The word that is meant: case, `-` and `_` count for nothing.
pub(crate) fn parse_word(text: &str, words: &'static [&'static str]) -> Result<&'static str, String> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let known = words.iter().find(|word| plain(word) == plain(text));
    known.copied().ok_or_else(|| {
        let list: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
        format!("is none of {}", list.join(", "))
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What every store takes: a namespace that is fine in memory must not fail where the application goes live.
fn is_in_namespaces(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte)
}

/// A dot stands between the id and the route.
fn is_in_routes(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_bytes_or_a_number_with_a_unit() {
        for (text, bytes) in
            [("1", 1), ("65536", 65_536), ("64KiB", 65_536), ("64kb", 65_536), ("1MiB", 1 << 20)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "KiB", "1.5MiB", "-1", "1 KiB", "1TiB", "0x10"] {
            assert_eq!(parse_size(text), Err(NOT_SIZE), "{text:?}");
        }
        assert_eq!(parse_size("99999999999999999999"), Err(TOO_LARGE));
        assert_eq!(parse_size("18446744073709551615KiB"), Err(TOO_LARGE));
    }

    #[test]
    fn a_count_is_a_number_from_1_on() {
        assert_eq!(parse_count("1024"), Ok(1024));
        for text in ["", "0", "-1", "1.5", "many", "+1"] {
            assert_eq!(parse_count(text), Err(NOT_NUMBER), "{text:?}");
        }
    }

    #[test]
    fn a_word_is_known_however_it_is_spelled() {
        for text in ["on_commit", "on-commit", "ON_COMMIT", "onCommit"] {
            assert_eq!(parse_word(text, &["on_commit", "immediate"]), Ok("on_commit"), "{text}");
        }
        assert_eq!(
            parse_word("later", &["on_commit", "immediate"]),
            Err(r#"is none of "on_commit", "immediate""#.to_owned())
        );
    }

    #[test]
    fn what_cannot_be_a_value_says_why() {
        for (kind, text) in [
            (Kind::Store, "localhost"),
            (Kind::Namespace, ""),
            (Kind::Namespace, "the shop"),
            (Kind::Token, "X Auth"),
            (Kind::Token, ""),
            (Kind::Path, "shop"),
            (Kind::Route, "a.b"),
            (Kind::Route, ""),
            (Kind::Flag, "maybe"),
            (Kind::Timeout, "0"),
            (Kind::Duration, "never"),
            (Kind::Interval, "soon"),
        ] {
            assert!(check(kind, text).is_err(), "{kind:?} {text:?}");
        }
        assert_eq!(check(Kind::Interval, "0"), Ok(()));
        assert_eq!(check(Kind::Text, ""), Ok(()));
    }
}
