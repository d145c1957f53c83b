//! Settings that cannot be kept are refused when the manager is built.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ErrorKind, ManagerBuilder, SessionManager};
use session_memory::MemoryStore;

#[test]
fn what_cannot_be_kept_is_refused() {
    let builder = || SessionManager::builder(Arc::new(MemoryStore::new()));
    let refused =
        |builder: ManagerBuilder| builder.build().is_err_and(|error| error.kind() == ErrorKind::Config);
    assert!(refused(builder().namespace("")));
    assert!(refused(builder().namespace("a\0b")), "NUL separates the namespace in the digest");
    assert!(refused(builder().renew_every(Some(Duration::ZERO))));
    assert!(!refused(builder().renew_every(Some(Duration::from_secs(900)))));
}
