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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::OsRandom;

    #[derive(Debug)]
    struct Bytes(u8);

    impl Random for Bytes {
        fn fill(&self, bytes: &mut [u8]) -> Result<()> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn row_1_ids_are_different_unbiased_and_of_one_length_and_alphabet() {
        const COUNT: usize = 1_000_000;
        let mut seen = HashSet::with_capacity(COUNT);
        let mut ones = [0_usize; 256];
        for _ in 0..COUNT {
            let id = SessionId::generate(&OsRandom).unwrap();
            for (at, byte) in id.locator.iter().chain(&id.secret).enumerate() {
                for bit in 0..8 {
                    ones[at * 8 + bit] += usize::from(byte >> bit & 1);
                }
            }
            assert!(seen.insert((id.locator, id.secret)));
        }
        // Six standard deviations: 256 fair bits fail this once in two million runs.
        let bound = 6 * 500;
        assert!(ones.iter().all(|ones| ones.abs_diff(COUNT / 2) < bound), "{ones:?}");
        let text = SessionId::generate(&OsRandom).unwrap().expose();
        assert_eq!(text.len(), SessionId::TEXT_LEN);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn an_id_reads_back_in_its_one_spelling_only() {
        let id = SessionId::generate(&OsRandom).unwrap();
        let text = id.expose();
        assert_eq!(SessionId::parse(text.as_bytes()), Some(id.clone()));
        let respelled = (b'A'..=b'Z').filter(|last| {
            let other = [&text.as_bytes()[..42], &[*last]].concat();
            SessionId::parse(&other) == Some(id.clone())
        });
        assert!(respelled.count() <= 1, "the last character's spare bits must be zero");
        for wrong in [
            "",
            "A",
            &text[..42],
            &format!("{text}="),
            &format!("{text}A"),
            &text.replace('_', "/"),
            &"+".repeat(43),
        ] {
            assert!(wrong == text || SessionId::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_new_secret_keeps_the_handle_and_changes_the_digest() {
        let id = SessionId::generate(&Bytes(1)).unwrap();
        let rotated = id.with_new_secret(&Bytes(2)).unwrap();
        assert_eq!(id.handle(), rotated.handle());
        assert_ne!(id.digest("a"), rotated.digest("a"));
        assert_ne!(id.digest("a"), id.digest("b"), "the namespace is part of it");
    }

    #[test]
    fn the_digest_is_the_documented_one() {
        // printf 'shop\0' and 32 bytes of 0x01, through sha256sum: the first 16 bytes.
        let id = SessionId::generate(&Bytes(1)).unwrap();
        let hex: String = id.digest("shop").as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "9becc5ef2054a1dfd05da1e7eece028e");
    }

    #[test]
    fn row_2_without_random_bytes_there_is_no_id() {
        #[derive(Debug)]
        struct Broken;
        impl Random for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<()> {
                Err(Error::new(ErrorKind::Random, "none"))
            }
        }
        assert_eq!(SessionId::generate(&Broken).unwrap_err().kind(), ErrorKind::Random);
    }

    #[test]
    fn row_43_debug_shows_the_handle_and_never_the_id() {
        let id = SessionId::generate(&OsRandom).unwrap();
        let (text, handle) = (id.expose(), id.handle().to_string());
        assert_eq!(format!("{id:?} {:?}", id.digest("a")), "SessionId(…) Digest(…)");
        let stored = format!("{:?} {}", id.stored("a"), id.handle());
        assert!(stored.contains(&handle) && !stored.contains(&text));
        assert_eq!(handle.parse::<Handle>().unwrap(), id.handle());
        assert!("x".parse::<Handle>().is_err() && text.parse::<Handle>().is_err());
    }
}
