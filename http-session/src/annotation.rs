//! What `#[session_config]` generates code against. Not public API: only the macro of the same version uses it.

use std::error::Error as StdError;
use std::fmt::Display;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Codec, Error, ErrorKind, ManagerBuilder, Result, SessionIdResolver, SessionStore};

use crate::builder::file_of;
use crate::layers::Layers;
use crate::mistakes::Mistakes;
use crate::resolve::Scope;
use crate::{Builder, Env, Secret, Source, duration};

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

    /// `resolver = …` and `codec = …`.
    fn own() -> Own;

    /// `store = path`.
    fn opening(self) -> Option<Opening> {
        None
    }
}

/// What the attribute names that is no text.
#[derive(Default)]
pub struct Own {
    pub(crate) resolver: Option<Customize>,
    pub(crate) codec: Option<Customize>,
}

type Customize = Box<dyn FnOnce(ManagerBuilder) -> ManagerBuilder + Send>;

impl Own {
    /// With this resolver.
    #[must_use]
    pub fn resolver(self, resolver: impl SessionIdResolver) -> Self {
        Self { resolver: Some(Box::new(|manager| manager.resolver(resolver))), ..self }
    }

    /// With this codec.
    #[must_use]
    pub fn codec(self, codec: impl Codec) -> Self {
        Self { codec: Some(Box::new(|manager| manager.codec(codec))), ..self }
    }
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}

/// A store of the application's own that is being opened.
pub type Opening = Pin<Box<dyn Future<Output = Result<Arc<dyn SessionStore>>> + Send>>;

/// What the application's function answers.
///
/// # Errors
///
/// Its error.
pub fn opened<S, E>(store: Result<S, E>) -> Result<Arc<dyn SessionStore>>
where
    S: SessionStore,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    match store {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(match error.into().downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => {
                Error::new(ErrorKind::Config, "the session store cannot be opened").with_source(error)
            }
        }),
    }
}

/// Reads fields, and notes what is wrong with them.
pub struct Fields<'a> {
    annotation: &'a Annotation,
    layers: &'a Layers<'a>,
    mistakes: &'a mut Mistakes,
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").field("annotation", self.annotation).finish_non_exhaustive()
    }
}

/// What a field can be. `How` keeps the ways apart that a type can be read in.
#[diagnostic::on_unimplemented(
    message = "a setting cannot be read into a field of type `{Self}`",
    label = "neither implements `FromStr` with an error that can be displayed, nor is a `Duration`, nor an `Option` \
             of such a type",
    note = "the text of `#[value(\"…\")]` is parsed with `FromStr`"
)]
pub trait Readable<How>: Sized {
    /// Parses it, or says what is wrong.
    fn parse(text: &str) -> Result<Self, String>;

    /// What it is where a property has neither a value nor a default; `None`: a mistake.
    fn missing() -> Option<Self> {
        None
    }
}

/// As the type itself says.
#[derive(Debug)]
pub enum ByFromStr {}

/// As a setting that is a duration.
#[derive(Debug)]
pub enum AsDuration {}

/// As what is in the option.
#[derive(Debug)]
pub struct Maybe<How>(std::convert::Infallible, std::marker::PhantomData<How>);

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Display>> Readable<ByFromStr> for T {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: T::Err| error.to_string())
    }
}

#[diagnostic::do_not_recommend]
impl Readable<AsDuration> for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        duration::parse_interval(text).map_err(|mistake| format!("it {mistake}"))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Readable<How>, How> Readable<Maybe<How>> for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl Fields<'_> {
    /// Reads one field.
    pub fn read<T: Readable<How>, How>(&mut self, name: &str, ty: &str, template: &str) -> Option<T> {
        let place = format!("field `{name}` of {} at {}", self.annotation.name, self.annotation.place);
        let scope = Scope { layers: self.layers, fields: &[] };
        let resolved = match scope.resolve(template) {
            Ok(resolved) => resolved,
            Err(unresolved) => {
                if let Some(value) = T::missing().filter(|_| unresolved.is_missing) {
                    return Some(value);
                }
                unresolved.mistakes.iter().for_each(|mistake| self.mistakes.add(&place, mistake));
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
        match &resolved.origins[..] {
            [] => self.mistakes.add(&place, format!("the default is not a `{ty}`{why}")),
            names => self.mistakes.add(&names.join(", "), format!("not a `{ty}`, as the {place} is{why}")),
        }
        None
    }
}

/// How a field looks in a setting that refers to it. `How` keeps the ways apart.
#[diagnostic::on_unimplemented(
    message = "a setting cannot refer to a field of type `{Self}`",
    label = "is neither a `Secret` nor a `Duration`, and does not implement `Display`"
)]
pub trait Shown<How> {
    /// Its text.
    fn shown(&self) -> String;
}

/// As the type itself says.
#[derive(Debug)]
pub enum ByDisplay {}

/// As a secret.
#[derive(Debug)]
pub enum AsSecret {}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> Shown<ByDisplay> for T {
    fn shown(&self) -> String {
        self.to_string()
    }
}

#[diagnostic::do_not_recommend]
impl Shown<AsSecret> for Secret {
    fn shown(&self) -> String {
        self.expose().to_owned()
    }
}

#[diagnostic::do_not_recommend]
impl Shown<AsDuration> for Duration {
    fn shown(&self) -> String {
        format!("{}ms", self.as_millis())
    }
}

/// The text of a field that a setting refers to.
pub fn text<T: Shown<How> + ?Sized, How>(field: &T) -> String {
    field.shown()
}

/// `Sessions::from_env`.
///
/// # Errors
///
/// One that names every field that cannot be read.
pub fn from_env<T: Annotated>() -> Result<T> {
    let mut mistakes = Mistakes::default();
    let file = file_of(&T::ANNOTATION, None, true);
    let layers = Layers::new(Box::new(Env), file.as_deref(), &mut mistakes);
    read_all(&layers, mistakes)
}

/// `Sessions::from_source`.
///
/// # Errors
///
/// One that names every field that cannot be read.
pub fn from_source<T: Annotated>(source: &dyn Source) -> Result<T> {
    let mut mistakes = Mistakes::default();
    let layers = Layers::new(Box::new(source), None, &mut mistakes);
    read_all(&layers, mistakes)
}

fn read_all<T: Annotated>(layers: &Layers<'_>, mut mistakes: Mistakes) -> Result<T> {
    let read = read(&T::ANNOTATION, layers, &mut mistakes);
    mistakes.unless_any(T::ANNOTATION.name, read)
}

fn read<T: Annotated>(annotation: &Annotation, layers: &Layers<'_>, mistakes: &mut Mistakes) -> Option<T> {
    T::read(&mut Fields { annotation, layers, mistakes })
}

/// `Sessions::builder`.
pub fn builder<T: Annotated>() -> Builder {
    Builder::annotated(&T::ANNOTATION, T::own(), |layers, mistakes| {
        read::<T>(&T::ANNOTATION, layers, mistakes).map(|config| (config.texts(), config.opening()))
    })
}

/// `Sessions::into_builder`.
pub fn into_builder<T: Annotated>(config: T) -> Builder {
    let read = (config.texts(), config.opening());
    Builder::annotated(&T::ANNOTATION, T::own(), move |_, _| Some(read))
}
