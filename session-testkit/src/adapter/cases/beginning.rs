//! How sessions begin, and what does not begin one.

use crate::Operation::{Create, Load, Save};
use crate::adapter::{AdapterHarness, Request, World};

/// SECURITY rows 41, 58; CONFORMANCE 51-53.
pub async fn a_request_that_ignores_its_session_asks_nothing_and_says_nothing(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let visitor = world.visitor().await;
    for browser in [world.browser(), visitor] {
        let reply = browser.go("/").await;
        assert_eq!(reply.status, 200);
        assert!(reply.leaves_the_cookie_alone());
        assert!(reply.all("vary").is_empty() && reply.all("cache-control").is_empty(), "{reply:?}");
        assert_eq!(world.take_calls(), []);
    }
}

/// Rule 1; CONFORMANCE 43.
pub async fn reading_begins_no_session(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let reply = world.browser().go("/load;get=a;exists;is-new;handle").await;
    assert_eq!(reply.body, "-,false,true,-");
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(world.take_calls(), [], "without a cookie there is nothing to ask for");
}

/// Rule 1; CONFORMANCE 38, 39, 42, 97; SECURITY rows 24, 29, 40, 41, 60.
pub async fn a_first_change_begins_one_and_hands_out_its_id_once(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    let reply = browser.go("/insert=a:1;is-new").await;
    assert_eq!(reply.body, "true");
    assert_eq!(reply.all("cache-control"), ["no-store"]);
    assert_eq!(reply.all("vary"), ["cookie"]);
    let id = reply.issued().expect("a cookie");
    assert_eq!(reply.all("set-cookie"), [format!("__Host-id={id}; Path=/; HttpOnly; SameSite=Lax; Secure")]);
    assert_eq!(world.take_calls(), [Create]);

    let reply = browser.go("/get=a;is-new;insert=b:2").await;
    assert_eq!(reply.body, "1,false");
    assert!(reply.leaves_the_cookie_alone());
    assert!(reply.all("cache-control").is_empty());
    assert_eq!(world.take_calls(), [Load, Save]);
    assert_eq!(browser.go("/names").await.body, "a+b");
}

/// CONTRACT, Identity; SECURITY rows 6, 71.
pub async fn an_id_that_was_never_issued_is_not_adopted(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let forged = "A".repeat(43);
    let reply = world.send(Request::new("/get=a;insert=a:1").cookie(Some(&forged))).await;
    assert_eq!((reply.status, &*reply.body), (200, "-"));
    assert_ne!(reply.issued().expect("a new id"), forged);
    let reply = world.send(Request::new("/get=a").cookie(Some(&forged))).await;
    assert_eq!(reply.body, "-");
}

/// Rule 4; CONFORMANCE 72, 74.
pub async fn an_unknown_id_never_expires_the_clients_cookie(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let forged = "A".repeat(43);
    for path in
        ["/get=a", "/remove=a", "/load;remove=a", "/invalidate", "/load;invalidate", "/take=a", "/fetch=a"]
    {
        let reply = world.send(Request::new(path).cookie(Some(&forged))).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert!(reply.leaves_the_cookie_alone(), "{path}: {reply:?}");
    }
}

/// Removing from nothing is not a change that begins something.
pub async fn removing_from_no_session_begins_none(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in ["/remove=a", "/set-idle=1000", "/load;remove=a"] {
        let reply = world.browser().go(path).await;
        assert!(reply.leaves_the_cookie_alone(), "{path}");
        assert_eq!(world.take_calls(), [], "{path}");
    }
}

/// Rule 2.
pub async fn a_blind_write_under_an_unknown_id_is_kept_in_a_new_session(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let forged = "A".repeat(43);
    let reply = world.send(Request::new("/insert=a:kept").cookie(Some(&forged))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.take_calls(), [Save, Create]);
    let id = reply.issued().expect("a new id");
    assert_ne!(id, forged);
    assert_eq!(world.send(Request::new("/get=a").cookie(Some(&id))).await.body, "kept");
}
