//! `modify` against a session that ends between its steps.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ErrorKind, Expiry, SessionManager};
use session_memory::MemoryStore;
use session_testkit::ManualClock;

/// What a session had is not to go on in another one.
#[tokio::test]
async fn nothing_of_a_session_that_expires_under_modify_goes_into_a_new_one() {
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::builder().clock(clock.clone()).build());
    let expiry = Expiry::idle(Duration::from_secs(1)).unwrap();
    let manager = SessionManager::builder(store).clock(clock.clone()).expiry(expiry).build().unwrap();
    let request = manager.open([]);
    request.insert("n", &5_u64).unwrap();
    let cookie = manager.commit(&request, 200).await.headers[0].value.to_string();
    let pair = cookie.split(';').next().unwrap().as_bytes();

    let request = manager.open([("cookie", pair)]);
    let modified = request.modify("n", |before: Option<u64>| {
        if before == Some(5) {
            clock.advance(Duration::from_millis(1500));
        }
        before.unwrap_or(0) + 1
    });
    assert_eq!(modified.await.unwrap_err().kind(), ErrorKind::Gone);
    assert!(request.is_gone());
    assert_eq!(manager.commit(&request, 200).await.headers.len(), 1, "no cookie, but `Vary`");
}
