/// The key of a name of any length, in one namespace: the first 16 bytes of SHA-256(namespace ‖ 0 ‖ name).
pub(crate) fn key(namespace: &str, name: &str) -> [u8; 16] {
    let mut hash = hmac_sha256::Hash::new();
    for part in [namespace.as_bytes(), &[0], name.as_bytes()] {
        hash.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}
