use session_core::{Error, ErrorKind, Result};

/// What is wrong with a configuration, all of it, to be told at once. Each line begins with where the value came
/// from.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(Vec<String>);

impl Mistakes {
    pub(crate) fn add(&mut self, origin: &str, what: impl std::fmt::Display) {
        let line = format!("{origin}: {what}");
        // Two settings may be made of one placeholder.
        if !self.0.contains(&line) {
            self.0.push(line);
        }
    }

    /// Each of them.
    pub(crate) fn lines(&self) -> &[String] {
        &self.0
    }

    /// Goes on, if nothing is wrong so far.
    pub(crate) fn told(self, subject: &str) -> Result<Self> {
        if self.0.is_empty() { Ok(self) } else { Err(self.into_error(subject)) }
    }

    /// The value, if it was found and nothing is wrong anywhere.
    pub(crate) fn unless_any<T>(self, subject: &str, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.into_error(subject)),
        }
    }

    fn into_error(self, subject: &str) -> Error {
        let text = match &self.0[..] {
            [one] => format!("the configuration of {subject} is wrong: {one}"),
            many => format!("the configuration of {subject} is wrong:\n  - {}", many.join("\n  - ")),
        };
        Error::new(ErrorKind::Config, text)
    }
}
