use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A password or a key, as a field of a [`session_config`](macro@crate::session_config) struct: it shows itself to
/// nobody, in no `Debug` and no message. Settings may refer to it as to any field.
///
/// ```
/// use http_session::Secret;
///
/// let password: Secret = "hunter2".parse().unwrap();
/// assert_eq!(format!("{password:?}"), "Secret(…)");
/// assert_eq!(password.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What it is. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
