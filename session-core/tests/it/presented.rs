//! Whatever a client sends: no panic, no store call unless it parses, nothing adopted, nothing expired.

use std::sync::Arc;

use proptest::prelude::*;
use session_core::{CookieResolver, HeaderResolver, SessionManager};
use session_memory::MemoryStore;
use session_testkit::{Operation, SpyStore};

/// Texts that are nearly cookies, and texts that are nothing at all.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let cookie =
        "(; ?)?(__Host-id|__host-id|id|theme|)=?[A-Za-z0-9_=+/\"-]{0,50}(; __Host-id=[A-Za-z0-9_-]{42,44})?";
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        cookie.prop_map(String::into_bytes),
        "__Host-id=[A-Za-z0-9_-]{43}".prop_map(String::into_bytes),
    ]
}

fn presents_an_id(header: &[u8]) -> bool {
    header.split(|byte| *byte == b';').any(|pair| {
        let pair = pair.trim_ascii();
        let value = pair.strip_prefix(b"__Host-id=").unwrap_or_default();
        // 43 characters of the alphabet, the last of which has two spare bits that are zero.
        value.len() == 43
            && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            && b"AEIMQUYcgkosw048".contains(&value[42])
    })
}

fn check(headers: &[Vec<u8>]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let spy = Arc::new(SpyStore::new(Arc::new(MemoryStore::new())));
        let manager = SessionManager::builder(spy.clone()).build().unwrap();
        let request = || manager.open(headers.iter().map(|value| ("cookie", &**value)));

        let read = request();
        let loaded = read.load().await.unwrap();
        assert!(!loaded.exists() && loaded.names().is_empty());
        let calls = spy.reset();
        let expected = headers.iter().any(|header| presents_an_id(header));
        assert_eq!(!calls.is_empty(), expected, "asked the store: {calls:?}");
        let commit = manager.commit(&read, 200).await;
        assert!(commit.error.is_none());
        assert!(commit.headers.iter().all(|header| header.name == "vary"), "nothing expired: {commit:?}");

        let write = request();
        write.insert("a", &1).unwrap();
        let commit = manager.commit(&write, 200).await;
        assert!(commit.error.is_none());
        let cookie = commit.headers.iter().find(|header| header.name == "set-cookie").expect("a new session");
        let id = cookie.value.strip_prefix("__Host-id=").and_then(|value| value.get(..43)).unwrap();
        let adopted = headers.iter().any(|header| header.windows(43).any(|window| window == id.as_bytes()));
        assert!(!adopted, "an id that the client chose");
        assert_eq!(spy.reset().last(), Some(&Operation::Create));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn row_7_no_cookie_header_does_harm(headers in proptest::collection::vec(header(), 0..6)) {
        check(&headers);
    }

    #[test]
    fn no_bytes_of_other_headers_do_harm(name in "[a-zA-Z-]{1,20}", value in proptest::collection::vec(any::<u8>(), 0..200)) {
        let store = || Arc::new(MemoryStore::new());
        let cookies = SessionManager::builder(store()).resolver(CookieResolver::default()).build().unwrap();
        let headers = SessionManager::builder(store()).resolver(HeaderResolver::new("x-auth").unwrap()).build().unwrap();
        drop(cookies.open([(&*name, &*value)]));
        drop(headers.open([(&*name, &*value), ("x-auth", &*value)]));
    }
}
