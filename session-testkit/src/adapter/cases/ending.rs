//! Rules 4 and 9: logout.

use crate::Operation::{Create, Delete};
use crate::adapter::{AdapterHarness, World};

/// Rule 4; CONFORMANCE 73; SECURITY rows 14, 37.
pub async fn invalidate_ends_the_session_and_takes_the_cookie_back(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let thief = browser.copy();
    let reply = browser.go("/load;invalidate;get=a;exists;is-new").await;
    assert_eq!((reply.status, &*reply.body), (200, "-,false,true"));
    assert!(reply.withdraws());
    assert_eq!(reply.all("cache-control"), ["no-store"]);
    let cookie = reply.all("set-cookie").concat();
    assert!(cookie.contains("Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"), "{cookie}");
    assert_eq!(thief.go("/get=a").await.body, "-");
}

/// Rule 4: the second of two logouts ends nothing, and its answer may come after a new login's.
pub async fn only_the_call_that_ended_the_session_takes_the_cookie_back(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let twin = browser.copy();
    assert!(browser.go("/invalidate").await.withdraws());
    let second = twin.go("/invalidate").await;
    assert_eq!(second.status, 200);
    assert!(second.leaves_the_cookie_alone());
}

/// Rule 9; CONFORMANCE 70.
pub async fn a_change_after_invalidate_begins_a_session_under_a_new_id(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let before = browser.cookie();
    let reply = browser.go("/load;insert=b:dropped;invalidate;insert=flash:bye").await;
    assert!(reply.issued().is_some());
    assert_ne!(browser.cookie(), before);
    assert_eq!(world.take_calls()[1..], [Delete, Create]);
    assert_eq!(browser.go("/names").await.body, "flash");
}

/// Rule 9: the handle is an empty new session, and ending nothing is nothing.
pub async fn invalidating_twice_or_nothing_is_success(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    assert!(browser.go("/invalidate;invalidate").await.withdraws());
    assert_eq!(world.take_calls(), [Delete]);
    let nobody = world.browser().go("/invalidate").await;
    assert_eq!(nobody.status, 200);
    assert!(nobody.leaves_the_cookie_alone());
    assert_eq!(world.take_calls(), []);
    let reply = world.browser().go("/insert=a:1;invalidate").await;
    assert!(reply.leaves_the_cookie_alone(), "what never began need not be taken back");
    assert_eq!(world.take_calls(), []);
}

/// Rule 5.
pub async fn a_logout_is_told_whatever_the_answer_is(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for status in [200, 302, 409, 500] {
        let browser = world.visitor().await;
        assert!(browser.go(&format!("/invalidate;status={status}")).await.withdraws(), "{status}");
    }
}
