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

/// Takes the text apart, to its end: a mistake is an error whatever stands before it.
pub(crate) fn parse(template: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        if rest[at..].starts_with('}') {
            return Err(format!("`}}` without `{{` in `{template}`"));
        }
        let (text, is_property) = match rest[..at].strip_suffix('$') {
            Some(text) => (text, true),
            None => (&rest[..at], false),
        };
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        let inner = &rest[at + 1..];
        let end = closing(inner).ok_or_else(|| format!("`{{` without `}}` in `{template}`"))?;
        parts.push(if is_property { property(&inner[..end])? } else { field(&inner[..end])? });
        rest = &inner[end + 1..];
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

fn property(inner: &str) -> Result<Part<'_>, String> {
    let (name, default) = match inner.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(format!(
            "`{name}` is not the name of a property: letters, digits, `.`, `-` and `_`, as in `${{redis.hostname}}`"
        ));
    }
    if let Some(default) = default {
        parse(default)?;
    }
    Ok(Part::Property { name, default })
}

fn field(inner: &str) -> Result<Part<'_>, String> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    if inner.is_empty() || !inner.chars().all(is_name) {
        return Err(format!(
            "`{{{inner}}}` does not name a field (a property is written `${{name:default}}`)"
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
            parse("redis://{host}:${redis.port:6379}/0"),
            Ok(vec![
                Part::Text("redis://"),
                Part::Field("host"),
                Part::Text(":"),
                Part::Property { name: "redis.port", default: Some("6379") },
                Part::Text("/0"),
            ])
        );
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("5 $ each"), Ok(vec![Part::Text("5 $ each")]));
    }

    #[test]
    fn a_default_ends_at_its_own_brace_and_may_hold_colons_and_properties() {
        assert_eq!(
            parse("${a:redis://${b:c}:1}"),
            Ok(vec![Part::Property { name: "a", default: Some("redis://${b:c}:1") }])
        );
        assert_eq!(parse("${a:}"), Ok(vec![Part::Property { name: "a", default: Some("") }]));
    }

    #[test]
    fn what_is_malformed_is_an_error_wherever_it_stands() {
        for text in ["${a", "{a", "a}", "${}", "${:1}", "${a b}", "{}", "{a.b}", "${a:${}}", "ok ${a} {"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
