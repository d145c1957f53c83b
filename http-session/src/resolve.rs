//! Texts with `${property:default}` and `{field}`, with what they stand for in place.

use crate::layers::{Found, Layers};
use crate::template::{self, Braces, Part};

/// What the placeholders of a text can refer to.
pub(crate) struct Scope<'a> {
    pub(crate) layers: &'a Layers<'a>,
    /// The struct's fields that settings refer to. Not all are there when some could not be read.
    pub(crate) fields: &'a [(&'static str, String)],
}

/// A text without placeholders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// Where the properties that are in it come from.
    pub(crate) origins: Vec<String>,
}

/// Why a text cannot be had.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// All that is wrong. Empty when only a field is missing, which has been told already.
    pub(crate) mistakes: Vec<String>,
    /// Whether nothing but a property without a value and a default is the matter.
    pub(crate) is_missing: bool,
}

/// The properties that are being resolved: one within the other.
struct Within<'a> {
    name: &'a str,
    outer: Option<&'a Within<'a>>,
}

impl Within<'_> {
    fn has(&self, name: &str) -> bool {
        self.name == name || self.outer.is_some_and(|outer| outer.has(name))
    }
}

impl Scope<'_> {
    /// Puts in what the placeholders stand for. In front of the `@` of a URL that is a user name or a password:
    /// it is percent-encoded there, so that it may hold any character.
    pub(crate) fn resolve(&self, template: &str) -> Result<Resolved, Unresolved> {
        self.resolve_within(template, Braces::Fields, None)
    }

    /// The value of a property, with what placeholders in it stand for.
    pub(crate) fn value(&self, name: &str, found: Found) -> Result<Resolved, Unresolved> {
        self.value_within(name, found, None)
    }

    fn value_within(
        &self,
        name: &str,
        found: Found,
        outer: Option<&Within<'_>>,
    ) -> Result<Resolved, Unresolved> {
        let Found { text, origin, has_placeholders, .. } = found;
        if !has_placeholders {
            return Ok(Resolved { text, origins: vec![origin] });
        }
        let within = Within { name, outer };
        let mut resolved = self.resolve_within(&text, Braces::Text, Some(&within))?;
        resolved.origins.insert(0, origin);
        Ok(resolved)
    }

    fn resolve_within(
        &self,
        template: &str,
        braces: Braces,
        within: Option<&Within<'_>>,
    ) -> Result<Resolved, Unresolved> {
        let parts = template::parse(template, braces).map_err(|mistake| malformed(&mistake))?;
        let (mut resolved, mut unresolved) = (Resolved::default(), Option::<Unresolved>::None);
        for (at, part) in parts.iter().enumerate() {
            match self.part(part, braces, within, &mut resolved.origins) {
                Ok(text) if is_in_user_info(&parts, at) => push_encoded(&text, &mut resolved.text),
                Ok(text) => resolved.text.push_str(&text),
                Err(more) => match &mut unresolved {
                    None => unresolved = Some(more),
                    Some(unresolved) => {
                        unresolved.mistakes.extend(more.mistakes);
                        unresolved.is_missing &= more.is_missing;
                    }
                },
            }
        }
        unresolved.map_or(Ok(resolved), Err)
    }

    fn part(
        &self,
        part: &Part<'_>,
        braces: Braces,
        within: Option<&Within<'_>>,
        origins: &mut Vec<String>,
    ) -> Result<String, Unresolved> {
        let (name, default) = match *part {
            Part::Text(text) => return Ok(text.to_owned()),
            Part::Field(name) => {
                let field = self.fields.iter().find(|(field, _)| *field == name);
                return field.map(|(_, value)| value.clone()).ok_or_else(Unresolved::default);
            }
            Part::Property { name, default } => (name, default),
        };
        if within.is_some_and(|within| within.has(name)) {
            return Err(circle(name));
        }
        let resolved = match (self.layers.find(name), default) {
            (Some(found), _) => self.value_within(name, found, within)?,
            (None, Some(default)) => self.resolve_within(default, braces, within)?,
            (None, None) => return Err(missing(name, &self.layers.describe(name))),
        };
        origins.extend(resolved.origins);
        Ok(resolved.text)
    }
}

fn malformed(mistake: &str) -> Unresolved {
    Unresolved { mistakes: vec![format!("the text {mistake}")], is_missing: false }
}

fn circle(name: &str) -> Unresolved {
    Unresolved { mistakes: vec![format!("${{{name}}} is made of itself")], is_missing: false }
}

fn missing(name: &str, known_as: &str) -> Unresolved {
    let mistake = format!("${{{name}}} has no value and no default: set the {known_as}");
    Unresolved { mistakes: vec![mistake], is_missing: true }
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
    use crate::mistakes::Mistakes;

    fn resolve(template: &str) -> Result<String, Unresolved> {
        let source = [("host", "h"), ("password", "p@ss/w:1%"), ("empty", ""), ("literal", "${host}")];
        let layers = Layers::new(Box::new(source), None, &mut Mistakes::default());
        let fields = [("port", "7".to_owned()), ("secret", "#".to_owned())];
        Scope { layers: &layers, fields: &fields }.resolve(template).map(|resolved| resolved.text)
    }

    #[test]
    fn a_placeholder_is_its_property_or_its_default_and_defaults_nest() {
        assert_eq!(resolve("${host}-${none:x:y}-{port}").unwrap(), "h-x:y-7");
        assert_eq!(resolve("${none:${host}}${none:${none:{port}}}").unwrap(), "h7");
        assert_eq!(resolve("${none:}${empty}").unwrap(), "");
        assert_eq!(resolve("${literal}").unwrap(), "${host}", "a map's values stand for themselves");
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let missing = resolve("${a}${b:${c}}").unwrap_err();
        assert!(missing.is_missing);
        assert_eq!(
            missing.mistakes,
            [
                "${a} has no value and no default: set the property a",
                "${c} has no value and no default: set the property c",
            ]
        );
        assert!(!resolve("${a}{").unwrap_err().is_missing);
    }

    #[test]
    fn a_field_that_could_not_be_read_is_not_told_a_second_time() {
        assert_eq!(resolve("x{none}"), Err(Unresolved::default()));
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

    /// Values that hold placeholders, as those of a file do.
    struct Expanding(&'static [(&'static str, &'static str)]);

    impl crate::Source for Expanding {
        fn get(&self, name: &str) -> Option<String> {
            crate::Source::get(self.0, name)
        }

        fn has_placeholders(&self) -> bool {
            true
        }
    }

    fn expand(
        source: &'static [(&'static str, &'static str)],
        template: &str,
    ) -> Result<Resolved, Unresolved> {
        let layers = Layers::new(Box::new(Expanding(source)), None, &mut Mistakes::default());
        Scope { layers: &layers, fields: &[] }.resolve(template)
    }

    #[test]
    fn a_value_may_hold_placeholders_and_says_all_that_it_is_made_of() {
        let source =
            &[("url", "redis://:${pw}@${host:${fallback}}"), ("pw", "p@ss"), ("fallback", "f-${region:eu}")];
        let resolved = expand(source, "${url}").unwrap();
        assert_eq!(resolved.text, "redis://:p%40ss@f-eu");
        assert_eq!(resolved.origins, ["property url", "property pw", "property fallback"]);
        assert_eq!(expand(&[("a", "{x} } {")], "${a}").unwrap().text, "{x} } {", "no fields in a file");
    }

    #[test]
    fn what_is_made_of_itself_is_an_error_and_no_endless_loop() {
        let circle = expand(&[("a", "${b}"), ("b", "x${c:y}"), ("c", "${a}")], "${a}").unwrap_err();
        assert_eq!(circle.mistakes, ["${a} is made of itself"]);
        assert_eq!(expand(&[("a", "${a:1}")], "${a}").unwrap_err().mistakes, ["${a} is made of itself"]);
        assert_eq!(expand(&[("a", "1"), ("b", "${a}${a}")], "${b}").unwrap().text, "11");
    }
}
