//! Texts with `${property:default}` and `{field}` in them. The file stands in `session-macros` and in
//! `http-session` alike, because a proc macro and the crate that re-exports it have no other way to share code; a
//! test keeps the two equal.

/// A piece of such a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    /// Stands for itself.
    Text(&'t str),
    /// `{name}`: what the struct's field holds.
    Field(&'t str),
    /// `${name}` or `${name:default}`: what a source says of the property. The default is such a text again.
    Property { name: &'t str, default: Option<&'t str> },
}

/// What braces without a `$` are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Braces {
    /// `{name}` is a field: in the annotation.
    Fields,
    /// They stand for themselves: in a file.
    #[allow(dead_code, reason = "only the facade reads files")]
    Text,
}

/// Takes the text apart, to its end: a mistake is an error whatever stands before it. It does not hold the text,
/// which may be a secret.
pub(crate) fn parse(template: &str, braces: Braces) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let (mut rest, mut from) = (template, 0);
    while let Some(at) = rest[from..].find(['{', '}']).map(|at| from + at) {
        let is_property = rest[..at].ends_with('$') && rest[at..].starts_with('{');
        if braces == Braces::Text && !is_property {
            from = at + 1;
            continue;
        }
        if rest[at..].starts_with('}') {
            return Err("holds a `}` without a `{`".to_owned());
        }
        let text = if is_property { &rest[..at - 1] } else { &rest[..at] };
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let inner = &rest[at + 1..];
        let end = closing(inner).ok_or("holds a `{` without a `}`")?;
        parts.push(if is_property { property(&inner[..end], braces)? } else { field(&inner[..end])? });
        (rest, from) = (&inner[end + 1..], 0);
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

/// Where the brace that was opened before `inner` is closed.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 1;
    inner.char_indices().find_map(|(at, char)| {
        match char {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        (open == 0).then_some(at)
    })
}

fn property(inner: &str, braces: Braces) -> Result<Part<'_>, String> {
    let (name, default) = match inner.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        // What stands in a file may be a piece of a password.
        let shown = if braces == Braces::Fields { name } else { "…" };
        return Err(format!(
            "holds `${{{shown}}}`, which names no property: letters, digits, `.`, `-` and `_`, as in `${{redis.hostname}}`"
        ));
    }
    if let Some(default) = default {
        parse(default, braces)?;
    }
    Ok(Part::Property { name, default })
}

fn field(inner: &str) -> Result<Part<'_>, String> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    if inner.is_empty() || !inner.chars().all(is_name) {
        return Err(format!(
            "holds `{{{inner}}}`, which names no field (a property is written `${{name:default}}`)"
        ));
    }
    Ok(Part::Field(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_into_what_stands_for_itself_and_what_does_not() {
        assert_eq!(
            parse("redis://{host}:${redis.port:6379}/0", Braces::Fields),
            Ok(vec![
                Part::Text("redis://"),
                Part::Field("host"),
                Part::Text(":"),
                Part::Property { name: "redis.port", default: Some("6379") },
                Part::Text("/0"),
            ])
        );
        assert_eq!(parse("", Braces::Fields), Ok(vec![]));
        assert_eq!(parse("5 $ each", Braces::Fields), Ok(vec![Part::Text("5 $ each")]));
    }

    #[test]
    fn a_default_ends_at_its_own_brace_and_may_hold_colons_and_properties() {
        assert_eq!(
            parse("${a:redis://${b:c}:1}", Braces::Fields),
            Ok(vec![Part::Property { name: "a", default: Some("redis://${b:c}:1") }])
        );
        assert_eq!(parse("${a:}", Braces::Fields), Ok(vec![Part::Property { name: "a", default: Some("") }]));
    }

    #[test]
    fn in_a_file_only_properties_are_placeholders() {
        assert_eq!(
            parse("}{a}-${b}{", Braces::Text),
            Ok(vec![Part::Text("}{a}-"), Part::Property { name: "b", default: None }, Part::Text("{"),])
        );
        for text in ["{", "}", "{a b}", "$", "a$"] {
            assert_eq!(parse(text, Braces::Text), Ok(vec![Part::Text(text)]), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_an_error_wherever_it_stands() {
        for text in ["${a", "{a", "a}", "${}", "${:1}", "${a b}", "{}", "{a.b}", "${a:${}}", "ok ${a} {"] {
            assert!(parse(text, Braces::Fields).is_err(), "{text}");
        }
        for text in ["${a", "${}", "${:1}", "${a b}", "${a:${}}", "ok ${a} ${"] {
            assert!(parse(text, Braces::Text).is_err(), "{text}");
        }
    }
}
