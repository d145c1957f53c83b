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
        let full = sha256([namespace.as_bytes(), &[0], locator, secret]);
        let mut first = [0; 16];
        first.copy_from_slice(&full[..16]);
        Self(first)
    }
}

/// By the processor's own instructions, where it has them.
#[cfg(feature = "sha2")]
fn sha256(parts: [&[u8]; 4]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Portable, and without the seven crates under `sha2`: a quarter of a microsecond slower a request.
#[cfg(not(feature = "sha2"))]
fn sha256(parts: [&[u8]; 4]) -> [u8; 32] {
    let mut hash = hmac_sha256::Hash::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4's examples, whichever crate counts.
    #[test]
    fn it_is_sha_256() {
        let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(sha256([b"a", b"", b"b", b"c"])),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex(sha256([b"abcdbcdecdefdefgefghfghighijhijk", b"ijkljklmklmnlmnomnopnopq", b"", b""])),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }
}
