use sha2::{Digest as _, Sha256};

/// The key of a name of any length, in one namespace: the first 16 bytes of SHA-256(namespace ‖ 0 ‖ name).
pub(crate) fn key(namespace: &str, name: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(namespace);
    hash.update([0]);
    hash.update(name);
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}
