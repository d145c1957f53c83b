//! What cannot be said as text is handed in, and holds against any text.

use std::sync::Arc;
use std::time::Duration;

use http_session::{Builder, CookieResolver, ErrorKind, HeaderResolver, Limits, MemoryStore, SessionStore};
use session_testkit::ManualClock;

use crate::support::{built, cookie, issued};

const NOTHING: [(&str, &str); 0] = [];

#[tokio::test]
async fn a_store_that_is_handed_in_is_used_whatever_the_source_names() {
    let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::new());
    let builder = Builder::new().shared_store(store.clone());
    let manager = built(builder, [("session.store", "mongodb://nowhere")]).await;
    assert!(Arc::ptr_eq(manager.store(), &store));
}

#[tokio::test]
async fn a_resolver_that_is_handed_in_is_used_whatever_the_source_says() {
    let builder = Builder::new().resolver(HeaderResolver::new("X-Auth-Token").unwrap());
    let manager = built(builder, [("session.cookie.name", "other"), ("session.header", "X-Other")]).await;
    assert_eq!(cookie(&manager).await, "");
    assert!(issued(&manager).await.iter().any(|(name, _)| name == "x-auth-token"));

    let own = CookieResolver::builder().name("own").build().unwrap();
    let manager = built(Builder::new().resolver(own), [("session.header", "X-Other")]).await;
    assert!(cookie(&manager).await.starts_with("own=…"));
}

#[tokio::test]
async fn limits_that_are_handed_in_hold() {
    let mut limits = Limits::default();
    limits.attribute_bytes = 4;
    let manager = built(Builder::new().limits(limits), NOTHING).await;
    let error = manager.open([]).insert("a", "too long").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn one_clock_moves_the_manager_and_the_memory_store() {
    let clock = ManualClock::new();
    let builder = Builder::new().clock(clock.clone()).touch(Duration::ZERO);
    let manager = built(builder, [("session.max-inactive", "10s")]).await;
    let headers = issued(&manager).await;
    let (_, cookie) = headers.iter().find(|(name, _)| name == "set-cookie").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let exists = async || manager.open([("cookie", cookie.as_bytes())]).load().await.unwrap().exists();

    clock.advance(Duration::from_millis(9_999));
    assert!(exists().await);
    clock.advance(Duration::from_secs(20));
    assert!(!exists().await);
}

#[tokio::test]
async fn what_the_manager_refuses_is_an_error_of_the_build() {
    let built = Builder::new().source(NOTHING).renew_every(Some(Duration::ZERO)).build().await;
    assert_eq!(built.unwrap_err().kind(), ErrorKind::Config);
}
