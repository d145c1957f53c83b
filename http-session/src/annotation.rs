//! What `#[session_config]` generates code against. Not public API: only the macro of the same version uses it.

use std::fmt::Display;
use std::str::FromStr;

use session_core::Result;

use crate::mistakes::Mistakes;
use crate::resolve::Scope;
use crate::{Builder, Source};

/// What the attribute says, as it was written.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "generated code constructs it")]
pub struct Annotation {
    /// The struct's name.
    pub name: &'static str,
    /// Where the attribute stands: `src/main.rs:7`.
    pub place: &'static str,
    /// Properties and their texts.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Annotation {
    /// How the value of a property in the attribute is called in messages.
    pub(crate) fn describe(&self, property: &str) -> String {
        format!("{property} in #[session_config] at {}", self.place)
    }
}

/// A struct with the attribute.
pub trait Annotated: Sized {
    /// What the attribute says.
    const ANNOTATION: Annotation;

    /// Reads the fields; each of them, also after a mistake.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;

    /// The fields that settings refer to.
    fn texts(&self) -> Vec<(&'static str, String)>;
}

/// Reads fields, and notes what is wrong with them.
#[derive(Debug)]
pub struct Fields<'a> {
    annotation: &'a Annotation,
    source: SourceRef<'a>,
    mistakes: &'a mut Mistakes,
}

struct SourceRef<'a>(&'a dyn Source);

impl std::fmt::Debug for SourceRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// What a field can be: anything that can be parsed.
#[diagnostic::on_unimplemented(
    message = "a setting cannot be read into a field of type `{Self}`",
    label = "does not implement `FromStr` with an error that can be displayed",
    note = "the text of `#[value(\"…\")]` is parsed with `FromStr`"
)]
pub trait Readable: Sized {
    /// Parses it, or says what is wrong.
    fn parse(text: &str) -> Result<Self, String>;
}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> Readable for T {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }
}

impl Fields<'_> {
    /// Reads one field.
    pub fn read<T: Readable>(&mut self, name: &str, ty: &str, template: &str) -> Option<T> {
        let place = format!("field `{name}` of {} at {}", self.annotation.name, self.annotation.place);
        let scope = Scope { source: self.source.0, fields: &[] };
        let resolved = match scope.resolve(template) {
            Ok(resolved) => resolved,
            Err(mistakes) => {
                mistakes.iter().for_each(|mistake| self.mistakes.add(&place, mistake));
                return None;
            }
        };
        let mistake = match T::parse(&resolved.text) {
            Ok(value) => return Some(value),
            Err(mistake) => mistake,
        };
        // The value may be a password, and the parser's message may quote it.
        let quotes = mistake.contains(&resolved.text);
        let why = if quotes { String::new() } else { format!(": {mistake}") };
        match &resolved.properties[..] {
            [] => self.mistakes.add(&place, format!("the default is not a `{ty}`{why}")),
            names => self.mistakes.add(&names.join(", "), format!("not a `{ty}`, as the {place} is{why}")),
        }
        None
    }
}

/// How a field looks in a setting that refers to it.
#[diagnostic::on_unimplemented(
    message = "a setting cannot refer to a field of type `{Self}`",
    label = "does not implement `Display`"
)]
pub trait Shown {
    /// Its text.
    fn shown(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Shown for T {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// The text of a field that a setting refers to.
pub fn text<T: Shown + ?Sized>(field: &T) -> String {
    field.shown()
}

/// `Sessions::from_source`.
///
/// # Errors
///
/// One that names every field that cannot be read.
pub fn from_source<T: Annotated>(source: &dyn Source) -> Result<T> {
    let mut mistakes = Mistakes::default();
    let read = read(&T::ANNOTATION, source, &mut mistakes);
    mistakes.unless_any(T::ANNOTATION.name, read)
}

fn read<T: Annotated>(annotation: &Annotation, source: &dyn Source, mistakes: &mut Mistakes) -> Option<T> {
    T::read(&mut Fields { annotation, source: SourceRef(source), mistakes })
}

/// `Sessions::builder`.
pub fn builder<T: Annotated>() -> Builder {
    Builder::annotated(&T::ANNOTATION, |source, mistakes| {
        read::<T>(&T::ANNOTATION, source, mistakes).map(|config| config.texts())
    })
}

/// `Sessions::into_builder`.
pub fn into_builder<T: Annotated>(config: T) -> Builder {
    let texts = config.texts();
    Builder::annotated(&T::ANNOTATION, move |_, _| Some(texts))
}
