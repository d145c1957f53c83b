//! Sources over one another: the environment, then what a file says for the profile, then what it says for all.

use std::path::{Path, PathBuf};

use crate::file::{DEFAULT, File};
use crate::keys::CONFIG;
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;
use crate::{Source, redact};

/// The file that is read where no other is named.
pub(crate) const FILE: &str = "session.toml";
const PROFILE: &str = "session.profile";

/// Sources, the most important first.
pub(crate) struct Layers<'a> {
    layers: Vec<Box<dyn Source + 'a>>,
    /// What has been read, for people.
    pub(crate) notes: Vec<String>,
}

/// What the most important source that knows a property says of it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) origin: String,
    /// The more, the more important. The annotation is 0.
    pub(crate) rank: usize,
    pub(crate) has_placeholders: bool,
}

impl<'a> Layers<'a> {
    /// This source over the file that it names, or else over this one.
    pub(crate) fn new(source: Box<dyn Source + 'a>, file: Option<&Path>, mistakes: &mut Mistakes) -> Self {
        let named = source.get(CONFIG).map(PathBuf::from);
        let mut layers = Self { layers: vec![source], notes: Vec::new() };
        if let Some(path) = named.as_deref().or(file) {
            layers.add_file(path, mistakes);
        }
        layers
    }

    fn add_file(&mut self, path: &Path, mistakes: &mut Mistakes) {
        let shown = path.display();
        let before = mistakes.lines().len();
        let Some(file) = File::read(path, mistakes) else {
            if mistakes.lines().len() == before {
                self.notes.push(format!("{shown} (not there)"));
            }
            return;
        };
        let profile = self.find(PROFILE);
        if let Some(Found { text: name, origin, .. }) = profile.filter(|profile| profile.text != DEFAULT) {
            match file.profile(&name) {
                Some(profile) => {
                    self.layers.push(Box::new(profile.clone()));
                    self.notes.push(format!("{shown} [{name}]"));
                }
                None => {
                    let hint = did_you_mean(&name, file.names());
                    let name = redact::value(&name);
                    mistakes.add(&origin, format_args!("there is no profile {name} in {shown}{hint}"));
                }
            }
        }
        if let Some(default) = file.profile(DEFAULT) {
            self.layers.push(Box::new(default.clone()));
            self.notes.push(format!("{shown} [{DEFAULT}]"));
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<Found> {
        self.layers.iter().enumerate().find_map(|(at, source)| {
            Some(Found {
                text: source.get(name)?,
                origin: source.describe(name),
                rank: self.layers.len() - at,
                has_placeholders: source.has_placeholders(),
            })
        })
    }

    /// How the property is called where it can be set: where the most important source is, or in the file.
    pub(crate) fn describe(&self, name: &str) -> String {
        let mut names: Vec<_> = self.layers.iter().map(|source| source.describe(name)).collect();
        names.dedup();
        names.join(" or ")
    }
}
