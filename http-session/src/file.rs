//! `session.toml`: what is said for a profile, and for all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_span::Value;
use toml_span::value::{Key, Table as TomlTable, ValueInner};

use crate::Source;
use crate::keys::KEYS;
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;

/// The profile that holds for all.
pub(crate) const DEFAULT: &str = "default";

/// A file that was read: its profiles, each a source.
#[derive(Debug)]
pub(crate) struct File {
    profiles: BTreeMap<String, Arc<Profile>>,
}

/// What a file says for a profile.
#[derive(Debug)]
pub(crate) struct Profile {
    file: Arc<str>,
    /// By their [uniform](uniform) names.
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    /// As it is written.
    name: String,
    text: String,
    line: usize,
}

impl std::fmt::Debug for Entry {
    /// The text may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.line)
    }
}

impl File {
    /// Reads a file; `None` when there is none, or something is wrong with it.
    pub(crate) fn read(path: &Path, mistakes: &mut Mistakes) -> Option<Self> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&shown, &text, mistakes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                mistakes.add(&shown, format_args!("cannot be read: {error}"));
                None
            }
        }
    }

    fn parse(shown: &str, text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        let mut reader = Reader { file: shown.into(), text, mistakes };
        let mut root = match toml_span::parse(text) {
            Ok(root) => root,
            Err(error) => {
                reader.add(error.span.start, format_args!("not TOML: {}", what(&error.kind)));
                return None;
            }
        };
        let mut profiles = BTreeMap::new();
        let ValueInner::Table(tables) = root.take() else { return None };
        for (key, mut value) in in_order(tables) {
            let table = match value.take() {
                ValueInner::Table(table) if !reader.is_dotted(&key) => table,
                value => {
                    reader.outside("", &key, value);
                    continue;
                }
            };
            if key.name == "session" {
                let header = reader.header(&key);
                let message =
                    format!("[{header}] would be a profile named session: write [{DEFAULT}.{header}]");
                reader.add(key.span.start, message);
                continue;
            }
            let mut profile = Profile { file: reader.file.clone(), entries: BTreeMap::new() };
            reader.table("", table, &mut profile);
            profiles.insert(key.name.into_owned(), Arc::new(profile));
        }
        Some(Self { profiles })
    }

    pub(crate) fn profile(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

/// As they stand in the file: mistakes are told in that order.
fn in_order<'t>(table: TomlTable<'t>) -> Vec<(Key<'t>, Value<'t>)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}

struct Reader<'t, 'm> {
    file: Arc<str>,
    text: &'t str,
    mistakes: &'m mut Mistakes,
}

impl Reader<'_, '_> {
    fn add(&mut self, at: usize, what: impl std::fmt::Display) {
        let origin = format!("{}:{}", self.file, self.line(at));
        self.mistakes.add(&origin, what);
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// Whether a table's name was written before a dot, and not in brackets: `session.touch = 1` above all tables.
    fn is_dotted(&self, key: &Key<'_>) -> bool {
        let is_around = |char| " \t\"'".contains(char);
        let before = self.text.get(..key.span.start).unwrap_or_default().trim_end_matches(is_around);
        let after = self.text.get(key.span.end..).unwrap_or_default().trim_start_matches(is_around);
        !before.ends_with('[') && after.starts_with('.')
    }

    /// What stands in the brackets that begin with this name.
    fn header(&self, key: &Key<'_>) -> String {
        let rest = self.text.get(key.span.start..).unwrap_or_default();
        let is_inside = |char: &char| char.is_ascii_alphanumeric() || "-_.".contains(*char);
        rest.chars().take_while(is_inside).collect()
    }

    /// A value that belongs to no profile, or a table of them.
    fn outside(&mut self, prefix: &str, key: &Key<'_>, value: ValueInner<'_>) {
        let name = format!("{prefix}{}", key.name);
        if let ValueInner::Table(table) = value {
            for (key, mut value) in in_order(table) {
                self.outside(&format!("{name}."), &key, value.take());
            }
            return;
        }
        // `production.session.touch` says which profile is meant.
        let (what, profile) = match name.split_once('.') {
            Some((profile, rest)) if profile == DEFAULT || uniform(rest).starts_with("session.") => {
                (format!("`{rest}`"), profile)
            }
            _ => ("it".to_owned(), DEFAULT),
        };
        self.add(key.span.start, format_args!("`{name}` is in no profile: put {what} under [{profile}]"));
    }

    fn table(&mut self, prefix: &str, table: TomlTable<'_>, profile: &mut Profile) {
        for (key, mut value) in in_order(table) {
            let name = format!("{prefix}{}", key.name);
            let at = key.span.start;
            let text = match value.take() {
                ValueInner::Table(inner) => {
                    self.table(&format!("{name}."), inner, profile);
                    continue;
                }
                ValueInner::String(text) => text.into_owned(),
                ValueInner::Integer(number) => number.to_string(),
                ValueInner::Float(number) => number.to_string(),
                ValueInner::Boolean(flag) => flag.to_string(),
                ValueInner::Array(_) => {
                    self.add(at, format_args!("`{name}` is a list, where a single value is asked for"));
                    continue;
                }
            };
            if let Some(mistake) = unknown(&name) {
                self.add(at, mistake);
                continue;
            }
            let entry = Entry { text, line: self.line(at), name };
            if let Some(first) = profile.entries.get(&uniform(&entry.name)) {
                let message =
                    format!("`{}` is `{}` of line {}, said twice", entry.name, first.name, first.line);
                self.add(at, message);
                continue;
            }
            profile.entries.insert(uniform(&entry.name), entry);
        }
    }
}

/// What is wrong with the name of a property that ought to be one of ours.
fn unknown(name: &str) -> Option<String> {
    let plain = uniform(name);
    let ours = plain.strip_prefix("session.")?;
    if ["profile", "config"].contains(&ours) {
        return Some(format!("`{name}` chooses what of which file is read: set it in the environment"));
    }
    if KEYS.iter().any(|key| uniform(key.property) == plain) {
        return None;
    }
    let hint = did_you_mean(name, KEYS.iter().map(|key| key.property));
    Some(format!("there is no setting `{name}`{hint}"))
}

/// Names are the same that differ in case, `-` and `_` alone: `max-inactive`, `max_inactive` and `maxInactive`.
fn uniform(name: &str) -> String {
    name.chars().filter(|char| !"-_".contains(*char)).flat_map(char::to_lowercase).collect()
}

/// What is wrong with a file, without a word of what is in it.
fn what(kind: &toml_span::ErrorKind) -> &'static str {
    use toml_span::ErrorKind as Kind;
    match kind {
        Kind::UnexpectedEof | Kind::UnterminatedString => "it ends in the middle of a value",
        Kind::InvalidCharInString(_) => "a string holds a character that it must not",
        Kind::InvalidEscape(_) | Kind::InvalidHexEscape(_) | Kind::InvalidEscapeValue(_) => {
            "a string holds a malformed escape"
        }
        Kind::InvalidNumber | Kind::OutOfRange(_) => "a number is malformed or too large",
        Kind::DuplicateTable { .. } => "the table is there twice",
        Kind::DuplicateKey { .. } => "the key is there twice",
        Kind::UnquotedString => "texts stand in quotes",
        Kind::DottedKeyInvalidType { .. } | Kind::RedefineAsArray => "the key is a value and a table",
        Kind::ExceededDepthLimit => "it is nested too deeply",
        _ => "something else was expected here",
    }
}

impl Source for Profile {
    fn get(&self, name: &str) -> Option<String> {
        self.entries.get(&uniform(name)).map(|entry| entry.text.clone())
    }

    fn describe(&self, name: &str) -> String {
        match self.entries.get(&uniform(name)) {
            Some(entry) => format!("{name} at {}:{}", self.file, entry.line),
            None => format!("{name} in {}", self.file),
        }
    }

    fn has_placeholders(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Option<File>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let file = File::parse("session.toml", text, &mut mistakes);
        (file, mistakes.lines().to_vec())
    }

    #[test]
    fn a_property_is_known_by_its_path_however_it_is_spelled() {
        let text = "[default]\nsession.max-inactive = 60\n[default.session.cookie]\nsameSite = \"Lax\"\nhttp_only = \
                    true\n\n[production.redis]\nhostname = 'h'";
        let (file, mistakes) = parse(text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let file = file.unwrap();
        let default = file.profile("default").unwrap();
        for (name, text, place) in [
            ("session.max-inactive", "60", "session.toml:2"),
            ("session.cookie.same-site", "Lax", "session.toml:4"),
            ("session.cookie.http-only", "true", "session.toml:5"),
        ] {
            assert_eq!(default.get(name).as_deref(), Some(text), "{name}");
            assert_eq!(default.describe(name), format!("{name} at {place}"));
        }
        assert_eq!(default.get("redis.hostname"), None);
        assert_eq!(file.profile("production").unwrap().get("redis.hostname").as_deref(), Some("h"));
        assert_eq!(file.names().collect::<Vec<_>>(), ["default", "production"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_line_and_without_a_value() {
        let text = "name = 'hunter2'\n[session]\nstore = 'hunter2'\n[default.session]\nmax-inactiv = \
                    'hunter2'\nprofile = 'hunter2'\nheader = ['hunter2']\ntouch = 1\nTouch = 2\n";
        let (_, mistakes) = parse(text);
        assert_eq!(
            mistakes,
            [
                "session.toml:1: `name` is in no profile: put it under [default]",
                "session.toml:2: [session] would be a profile named session: write [default.session]",
                "session.toml:5: there is no setting `session.max-inactiv` (did you mean `session.max-inactive`?)",
                "session.toml:6: `session.profile` chooses what of which file is read: set it in the environment",
                "session.toml:7: `session.header` is a list, where a single value is asked for",
                "session.toml:9: `session.Touch` is `session.touch` of line 8, said twice",
            ]
        );
    }

    #[test]
    fn what_stands_in_no_profile_is_told_with_the_one_that_is_meant() {
        for (text, mistake) in [
            ("session.touch = 1", "`session.touch` is in no profile: put it under [default]"),
            ("redis.hostname = 'h'", "`redis.hostname` is in no profile: put it under [default]"),
            ("'redis'.hostname = 'h'", "`redis.hostname` is in no profile: put it under [default]"),
            (
                "default.redis.port = 1",
                "`default.redis.port` is in no profile: put `redis.port` under [default]",
            ),
            (
                "test.session.touch = 1",
                "`test.session.touch` is in no profile: put `session.touch` under [test]",
            ),
            (
                "session = { touch = 1 }",
                "[session] would be a profile named session: write [default.session]",
            ),
            (
                "[session.cookie]\npath = '/'",
                "[session.cookie] would be a profile named session: write [default.session.cookie]",
            ),
        ] {
            let (_, mistakes) = parse(&format!("\n{text}\n[production]\nredis.port = 2\n"));
            assert_eq!(mistakes, [format!("session.toml:2: {mistake}")], "{text}");
        }
        let (file, mistakes) =
            parse("touch.a = 1\ntouch.b.c = 2\n[default.redis]\nport = 2\n[test]\na.b = 1\n");
        assert_eq!(
            mistakes,
            [
                "session.toml:1: `touch.a` is in no profile: put it under [default]",
                "session.toml:2: `touch.b.c` is in no profile: put it under [default]",
            ]
        );
        assert_eq!(file.unwrap().names().collect::<Vec<_>>(), ["default", "test"]);
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line_and_without_its_text() {
        for text in [
            "[default]\npassword = hunter2",
            "[default]\npassword = \"hunter2",
            "[default]\npassword = \"hunter2\" hunter2",
            "[default]\npassword = \"\\hunter2\"",
            "[default]\npassword = 1hunter2",
            "[default\npassword = 'hunter2'",
        ] {
            let (file, mistakes) = parse(text);
            assert!(file.is_none());
            assert_eq!(mistakes.len(), 1, "{text}");
            assert!(mistakes[0].starts_with("session.toml:"), "{mistakes:?}");
            assert!(!mistakes[0].contains("unter2"), "{mistakes:?}");
        }
    }
}
