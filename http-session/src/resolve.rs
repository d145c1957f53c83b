//! Texts with `${property:default}` and `{field}`, with what they stand for in place.

use crate::Source;
use crate::template::{self, Part};

/// What the placeholders of a text can refer to.
pub(crate) struct Scope<'a> {
    pub(crate) source: &'a dyn Source,
    /// The struct's fields that settings refer to. Not all are there when some could not be read.
    pub(crate) fields: &'a [(&'static str, String)],
}

/// A text without placeholders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// What the source calls the properties that are in it.
    pub(crate) properties: Vec<String>,
}

impl Scope<'_> {
    /// Puts in what the placeholders stand for. In front of the `@` of a URL that is a user name or a password:
    /// it is percent-encoded there, so that it may hold any character.
    ///
    /// The mistakes are all of them; they are empty when only a field is missing, which has been told already.
    pub(crate) fn resolve(&self, template: &str) -> Result<Resolved, Vec<String>> {
        let parts = template::parse(template).map_err(|mistake| vec![mistake])?;
        let (mut resolved, mut mistakes, mut is_whole) = (Resolved::default(), Vec::new(), true);
        for (at, part) in parts.iter().enumerate() {
            match self.part(part, &mut resolved.properties) {
                Ok(text) if is_in_user_info(&parts, at) => push_encoded(&text, &mut resolved.text),
                Ok(text) => resolved.text.push_str(&text),
                Err(missing) => {
                    is_whole = false;
                    mistakes.extend(missing);
                }
            }
        }
        if is_whole { Ok(resolved) } else { Err(mistakes) }
    }

    fn part(&self, part: &Part<'_>, properties: &mut Vec<String>) -> Result<String, Vec<String>> {
        match *part {
            Part::Text(text) => Ok(text.to_owned()),
            Part::Field(name) => {
                let field = self.fields.iter().find(|(field, _)| *field == name);
                field.map(|(_, value)| value.clone()).ok_or_else(Vec::new)
            }
            Part::Property { name, default } => {
                if let Some(value) = self.source.get(name) {
                    properties.push(self.source.describe(name));
                    return Ok(value);
                }
                let Some(default) = default else {
                    let known_as = self.source.describe(name);
                    return Err(vec![format!("${{{name}}} has no value and no default: set the {known_as}")]);
                };
                let resolved = self.resolve(default)?;
                properties.extend(resolved.properties);
                Ok(resolved.text)
            }
        }
    }
}

/// Whether this placeholder stands between `scheme://` and the `@` before the host.
fn is_in_user_info(parts: &[Part<'_>], at: usize) -> bool {
    const AUTHORITY_END: [char; 3] = ['/', '?', '#'];
    if matches!(parts[at], Part::Text(_)) {
        return false;
    }
    let literal = |parts: &[Part<'_>]| -> String {
        parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(*text) } else { None }).collect()
    };
    let (before, after) = (literal(&parts[..at]), literal(&parts[at + 1..]));
    let begun = before.split_once("://").is_some_and(|(_, rest)| !rest.contains(['@', '/', '?', '#']));
    begun && after.split_once('@').is_some_and(|(rest, _)| !rest.contains(AUTHORITY_END))
}

fn push_encoded(text: &str, url: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(template: &str) -> Result<String, Vec<String>> {
        let source = [("host", "h"), ("password", "p@ss/w:1%"), ("empty", "")];
        let fields = [("port", "7".to_owned()), ("secret", "#".to_owned())];
        Scope { source: &source, fields: &fields }.resolve(template).map(|resolved| resolved.text)
    }

    #[test]
    fn a_placeholder_is_its_property_or_its_default_and_defaults_nest() {
        assert_eq!(resolve("${host}-${none:x:y}-{port}").unwrap(), "h-x:y-7");
        assert_eq!(resolve("${none:${host}}${none:${none:{port}}}").unwrap(), "h7");
        assert_eq!(resolve("${none:}${empty}").unwrap(), "");
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        assert_eq!(
            resolve("${a}${b:${c}}"),
            Err(vec![
                "${a} has no value and no default: set the property a".to_owned(),
                "${c} has no value and no default: set the property c".to_owned(),
            ])
        );
    }

    #[test]
    fn a_field_that_could_not_be_read_is_not_told_a_second_time() {
        assert_eq!(resolve("x{none}"), Err(vec![]));
    }

    #[test]
    fn what_stands_for_user_and_password_may_hold_any_character() {
        assert_eq!(
            resolve("redis://u:${password}@${host}:{port}").unwrap(),
            "redis://u:p%40ss%2Fw%3A1%25@h:7"
        );
        assert_eq!(resolve("redis://{secret}:${password}@h").unwrap(), "redis://%23:p%40ss%2Fw%3A1%25@h");
        assert_eq!(resolve("redis://${password}/x@y").unwrap(), "redis://p@ss/w:1%/x@y");
        assert_eq!(resolve("${none:redis://a@b}").unwrap(), "redis://a@b");
    }
}
