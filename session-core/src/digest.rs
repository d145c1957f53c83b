use std::fmt;

/// What a store keeps in place of a session's secret: the first 16 bytes of
/// SHA-256(namespace ‖ 0 ‖ locator ‖ secret).
///
/// Nobody who reads the store can present it as an id, and an id of one namespace is worth nothing in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// A digest as a store holds it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes, to be stored and compared.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn of(namespace: &str, locator: &[u8; 16], secret: &[u8; 16]) -> Self {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        hash.update(namespace.as_bytes());
        hash.update([0]);
        hash.update(locator);
        hash.update(secret);
        let full = hash.finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&full[..16]);
        Self(first)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}
