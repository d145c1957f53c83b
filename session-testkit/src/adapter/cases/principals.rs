//! Sign-ins beyond one session: limits, logging out everywhere, administrators.

use std::sync::Arc;
use std::time::Duration;

use session_core::{Page, Principal, Select, SessionLimit, SessionManager};

use crate::Operation::{Create, Delete, SignIn};
use crate::adapter::{AdapterHarness, Reply, World};

/// The application's manager.
async fn manager(world: &World) -> Arc<SessionManager> {
    world.browser().go("/keep").await;
    Arc::clone(world.handler.kept().manager())
}

/// CONFORMANCE 181; SECURITY row 5: nothing of one user's session reaches another.
pub async fn signing_in_as_somebody_else_ends_the_former_session_and_takes_nothing_of_it(
    harness: &dyn AdapterHarness,
) {
    let world = World::new(harness).await;
    for load in ["", "load;"] {
        let browser = world.visitor().await;
        browser.go("/sign-in=ann").await;
        let ann = browser.copy();
        world.forget_calls();
        let reply = browser.go(&format!("/{load}insert=b:1;sign-in=bob;principal;names")).await;
        assert_eq!(reply.body, "bob,b");
        let calls = world.take_calls();
        assert!(calls.ends_with(&[SignIn, Delete, Create, SignIn]), "{calls:?}");
        assert_eq!(browser.go("/principal;names").await.body, "bob,b");
        assert_eq!(ann.go("/exists;principal").await.body, "false,-");
    }
}

/// SECURITY: limits on concurrent sessions.
pub async fn the_managers_limit_ends_the_oldest_session(harness: &dyn AdapterHarness) {
    let limit = SessionLimit::evict_oldest(2).unwrap();
    let world = World::with(harness, |builder| builder.session_limit(limit)).await;
    let browsers = [world.browser(), world.browser(), world.visitor().await];
    for browser in &browsers {
        assert!(browser.go("/sign-in=ann").await.issued().is_some());
        harness.advance(Duration::from_millis(20)).await;
    }
    let mut principals = Vec::new();
    for browser in &browsers {
        principals.push(browser.go("/principal").await.body);
    }
    assert_eq!(principals, ["-", "ann", "ann"]);
}

/// CONTRACT, Principals: what was made for it goes, what was there stays.
pub async fn a_sign_in_that_the_limit_refuses_begins_nothing(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let first = world.browser();
    first.go("/sign-in-once=ann").await;
    let refused = |reply: &Reply| reply.status == 403 && reply.leaves_the_cookie_alone();
    let newcomer = world.browser();
    let reply = newcomer.go("/sign-in-once=ann").await;
    assert!(refused(&reply), "{reply:?}");
    let visitor = world.visitor().await;
    let reply = visitor.go("/sign-in-once=ann").await;
    assert!(refused(&reply), "{reply:?}");
    assert_eq!(visitor.go("/principal;names").await.body, "-,a", "the anonymous session goes on");
    first.go("/invalidate").await;
    assert_eq!(visitor.go("/sign-in-once=ann;principal").await.body, "ann");
}

/// SECURITY row 15.
pub async fn a_sign_in_under_way_loses_against_a_logout_everywhere(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let manager = manager(&world).await;
    let ann = Principal::from("ann");
    let signed_in = world.visitor().await;
    signed_in.go("/sign-in=ann").await;
    for late in [world.browser(), world.visitor().await] {
        world.handler.gate("in", 2);
        world.handler.gate("out", 2);
        let reply = late.start("/meet=in;meet=out;sign-in=ann");
        world.handler.meet("in").await;
        manager.revoke_principal(&ann).await.unwrap();
        world.handler.meet("out").await;
        let reply = reply.await.unwrap();
        assert_eq!(reply.status, 409, "{reply:?}");
        assert!(reply.leaves_the_cookie_alone());
        assert_eq!(late.go("/principal").await.body, "-");
    }
    assert_eq!(signed_in.go("/exists").await.body, "false");
    assert_eq!(manager.count(&ann).await.unwrap(), 0);
    harness.advance(std::time::Duration::from_millis(5)).await;
    assert_eq!(signed_in.go("/sign-in=ann;principal").await.body, "ann", "a later one succeeds");
}

/// ASVS 5.0, 7.4.3; SECURITY row 16.
pub async fn a_user_can_end_all_other_sessions(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browsers = [world.browser(), world.browser(), world.visitor().await];
    for browser in &browsers {
        browser.go("/sign-in=ann").await;
    }
    let bob = world.browser();
    bob.go("/sign-in=bob").await;
    let [one, other, own] = &browsers;
    assert_eq!(own.go("/revoke-others").await.body, "2");
    for browser in [one, other] {
        assert_eq!(browser.go("/exists").await.body, "false");
    }
    assert_eq!(own.go("/load;principal;revoke-others;get=a").await.body, "ann,0,before");
    assert_eq!(bob.go("/principal").await.body, "bob");
}

/// There is nobody whose sessions they could be.
pub async fn without_a_sign_in_there_are_no_others_to_end(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for browser in [world.browser(), world.visitor().await] {
        assert_eq!(browser.go("/try-revoke-others").await.body, "NoSession");
    }
}

/// SECURITY row 17; CONFORMANCE 177.
pub async fn an_administrator_sees_and_ends_the_sessions_of_a_principal(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let manager = manager(&world).await;
    let ann = Principal::from("ann");
    let browsers = [world.visitor().await, world.visitor().await];
    for (browser, device) in browsers.iter().zip(["phone", "laptop"]) {
        browser.go(&format!("/insert=device:{device};sign-in=ann")).await;
    }
    let found = manager.find(&ann, Select::Only(&["device"]), Page::first(10)).await.unwrap();
    let mut devices = Vec::new();
    for info in &found.sessions {
        assert_eq!(info.get::<String>("a").unwrap(), None, "it was not asked for");
        devices.push((info.get::<String>("device").unwrap().unwrap(), info.handle()));
    }
    devices.sort();
    let [(laptop, handle), (phone, _)] = &devices[..] else { panic!("{devices:?}") };
    assert_eq!((&**laptop, &**phone), ("laptop", "phone"));
    manager.end(handle).await.unwrap();
    assert_eq!(browsers[1].go("/exists").await.body, "false");
    assert_eq!(browsers[0].go("/principal").await.body, "ann");
    assert_eq!(manager.count(&ann).await.unwrap(), 1);
}
