//! How durations are written. The file stands in `session-macros` and in `http-session` alike, because a proc
//! macro and the crate that re-exports it have no other way to share code; a test keeps the two equal.

use std::time::Duration;

/// Milliseconds are counted up to the year 9999.
const LONGEST: u64 = 253_402_300_799_999;

/// The longest unit first: that is the order in which they stand in a text.
const UNITS: [(&str, u64); 5] =
    [("d", 24 * 3_600_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const MALFORMED: &str =
    "is not a duration: say seconds (1800), or a text like \"30m\", \"1h30m\" or \"500ms\"";
const MALFORMED_TIMEOUT: &str =
    "is not a duration: say seconds (1800), or a text like \"30m\", \"1h30m\", \"500ms\", or \"never\"";
const ZERO: &str = "is no time at all";
const TOO_LONG: &str = "is longer than time is counted";
const TOO_LONG_TIMEOUT: &str = "is longer than time is counted: for no end at all say \"never\"";

/// Reads a timeout; `None` is "never". What is wrong with it otherwise is said as the end of a sentence that
/// begins with the text.
pub(crate) fn parse_timeout(text: &str) -> Result<Option<Duration>, &'static str> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    parse_duration(text).map(Some).map_err(|mistake| match mistake {
        MALFORMED => MALFORMED_TIMEOUT,
        TOO_LONG => TOO_LONG_TIMEOUT,
        other => other,
    })
}

/// Reads a duration that is not zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    match parse_interval(text)? {
        Duration::ZERO => Err(ZERO),
        duration => Ok(duration),
    }
}

/// Reads a duration, which may be zero.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    match millis(text)? {
        millis if millis > LONGEST => Err(TOO_LONG),
        millis => Ok(Duration::from_millis(millis)),
    }
}

fn millis(text: &str) -> Result<u64, &'static str> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return times(text, 1_000);
    }
    let (mut rest, mut units, mut sum) = (text, &UNITS[..], 0_u64);
    while !rest.is_empty() {
        let (number, unit) = rest.split_at(span(rest, |byte| byte.is_ascii_digit()));
        let (unit, after) = unit.split_at(span(unit, |byte| byte.is_ascii_alphabetic()));
        let known = units.iter().position(|(name, _)| *name == unit).ok_or(MALFORMED)?;
        sum = sum.checked_add(times(number, units[known].1)?).ok_or(TOO_LONG)?;
        units = &units[known + 1..];
        rest = after;
    }
    if text.is_empty() { Err(MALFORMED) } else { Ok(sum) }
}

fn times(number: &str, unit: u64) -> Result<u64, &'static str> {
    if number.is_empty() {
        return Err(MALFORMED);
    }
    // Only digits are left, so that nothing but size can be wrong with them.
    number.parse().ok().and_then(|number: u64| number.checked_mul(unit)).ok_or(TOO_LONG)
}

fn span(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !belongs(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_seconds_or_a_text_with_units_or_never() {
        for (text, seconds) in
            [("1800", 1800), ("30m", 1800), ("1h30m", 5400), ("45s", 45), ("1d", 86_400), ("1m30s", 90)]
        {
            assert_eq!(parse_timeout(text), Ok(Some(Duration::from_secs(seconds))), "{text}");
        }
        assert_eq!(parse_timeout("1s500ms"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(parse_timeout("never"), Ok(None));
        assert_eq!(parse_duration("never"), Err(MALFORMED));
    }

    #[test]
    fn what_is_no_timeout_says_why() {
        for text in ["", "m", "30 m", "30x", "-1", "1.5h", "1s1m", "1m1m", "m30", "³m", "30M"] {
            assert_eq!(parse_timeout(text), Err(MALFORMED_TIMEOUT), "{text:?}");
            assert_eq!(parse_duration(text), Err(MALFORMED), "{text:?}");
        }
        for text in ["0", "0s", "0h0m"] {
            assert_eq!(parse_timeout(text), Err(ZERO), "{text:?}");
            assert_eq!(parse_interval(text), Ok(Duration::ZERO), "{text:?}");
        }
        for text in ["99999999999999999999", "18446744073709551615", "18446744073709551615ms1", "4000000d"] {
            assert!(matches!(parse_duration(text), Err(TOO_LONG | MALFORMED)), "{text:?}");
        }
        assert_eq!(parse_timeout("253402300800"), Err(TOO_LONG_TIMEOUT));
        assert_eq!(parse_timeout("253402300799999ms"), Ok(Some(Duration::from_millis(LONGEST))));
    }
}
