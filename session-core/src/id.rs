use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Digest, Error, ErrorKind, Random, Result, StoredId};

/// A session's secret name: what the client presents. 16 bytes of locator and 16 bytes of secret, 43 characters
/// of base64url.
///
/// Whoever knows it *is* the session, so it is never printed: `Debug` is redacted, there is no `Display` and no
/// accessor; only a [`SessionIdResolver`](crate::SessionIdResolver) is handed its text, to write it into a
/// response. Logs, pages and administrators use the [`Handle`].
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId {
    locator: [u8; 16],
    secret: [u8; 16],
}

impl SessionId {
    /// The length of an id's text.
    pub const TEXT_LEN: usize = 43;

    pub(crate) fn generate(random: &dyn Random) -> Result<Self> {
        let mut bytes = [0; 32];
        random.fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// Another secret for the same session: what rotation and renewal hand out.
    pub(crate) fn with_new_secret(&self, random: &dyn Random) -> Result<Self> {
        let mut secret = [0; 16];
        random.fill(&mut secret)?;
        Ok(Self { locator: self.locator, secret })
    }

    /// Reads what a client presented. `None` for anything but the 43 characters that an id has in its one
    /// spelling: whatever is not an id is refused here, before any store is asked.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != Self::TEXT_LEN {
            return None;
        }
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes) {
            Ok(32) => Some(Self::from_bytes(&bytes)),
            Ok(_) | Err(_) => None,
        }
    }

    fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut id = Self { locator: [0; 16], secret: [0; 16] };
        id.locator.copy_from_slice(&bytes[..16]);
        id.secret.copy_from_slice(&bytes[16..]);
        id
    }

    /// The text that a client is given and presents. For the resolver alone.
    pub(crate) fn expose(&self) -> String {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.locator);
        bytes[16..].copy_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The name of this session that is safe to show.
    #[must_use]
    pub const fn handle(&self) -> Handle {
        Handle(self.locator)
    }

    pub(crate) fn digest(&self, namespace: &str) -> Digest {
        Digest::of(namespace, &self.locator, &self.secret)
    }

    pub(crate) fn stored(&self, namespace: &str) -> StoredId {
        StoredId::new(self.handle(), self.digest(namespace))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// A session's public name: its locator, 22 characters of base64url.
///
/// Stable for the session's life, safe to show and to log; it names the session in keys, events, indexes and
/// administration. It authenticates nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; 16]);

impl Handle {
    /// The length of a handle's text.
    pub const TEXT_LEN: usize = 22;

    /// A handle as a store holds it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The handle's bytes: the locator, under which the record lies for life.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Writes the handle's text to the end of `text`, without another allocation: for building keys.
    pub fn push_to(&self, text: &mut String) {
        URL_SAFE_NO_PAD.encode_string(self.0, text);
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({self})")
    }
}

impl FromStr for Handle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut bytes = [0; 16];
        if text.len() == Self::TEXT_LEN && URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut bytes) == Ok(16)
        {
            return Ok(Self(bytes));
        }
        Err(Error::new(ErrorKind::Malformed, "a session handle has 22 characters of base64url"))
    }
}
