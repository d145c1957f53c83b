//! What the tests of the store have in common.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Access, Changes, Digest, Expiry, Handle, NewRecord, OpId, OsRandom, Random as _, Record, StoredId,
};

/// A request that has just arrived, on a node that notes a use every minute.
pub(crate) const NOW: Access = Access::new(Duration::ZERO, Duration::from_secs(60));

/// A namespace that no other test has.
pub(crate) fn namespace() -> String {
    format!("test-{}", Handle::from_bytes(random()))
}

pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRandom::default().fill(&mut bytes).unwrap();
    bytes
}

pub(crate) fn digest() -> Digest {
    Digest::from_bytes(random())
}

pub(crate) fn id() -> StoredId {
    StoredId::new(Handle::from_bytes(random()), digest())
}

pub(crate) fn op() -> OpId {
    OpId::generate(&OsRandom::default()).unwrap()
}
