//! Loads of some attributes alone: what they ask for, and how they compose with each other, with changes and with a
//! load of everything.

use session_core::ErrorKind;

use crate::Operation::{Create, Load, ReplaceIf, Save, Take};
use crate::adapter::{AdapterHarness, Browser, Request, World};
use crate::{Fault, Operation};

/// A browser in a session with the attributes `a` to `d`.
async fn full(world: &World) -> Browser {
    let browser = world.visitor().await;
    browser.go("/insert=b:2;insert=c:3;insert=d:4").await;
    world.forget_calls();
    browser
}

/// A typed extractor loads its own attributes, in one round trip.
pub async fn named_attributes_are_loaded_in_one_call_that_asks_for_no_other(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    let reply = browser.go("/only=a+c+none:a;only=a+c+none:c;only=a+c+none:none;only-contains=a:c").await;
    assert_eq!(reply.body, "before,3,-,true");
    assert_eq!(reply.all("vary"), ["cookie"]);
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(world.take_loads(), ["a+c+none"]);
}

/// Neither where it is there nor where it is not.
pub async fn what_was_not_loaded_is_an_error_and_never_none(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    for path in ["/only=a:b", "/only=a:none", "/only-contains=a:b", "/only=a+none:b"] {
        let reply = browser.go(path).await;
        assert_eq!(reply.status, 500, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}");
    }
    let reply = browser.go("/try-only=a:b;try-only-contains=a:none;only=a:a").await;
    assert_eq!(reply.body, "NotLoaded,NotLoaded,before", "the session is fine");
}

/// Two extractors of one request with different names: each asks at most once, and none for what another has.
pub async fn loads_of_one_request_ask_for_nothing_twice(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    for (path, body, loads) in [
        ("/only=a+b:a;only=b+c:c;only=a+b+c:b", "before,3,2", &["a+b", "c"][..]),
        ("/only=none:none;only=none+a:none;fetch=none", "-,-,-", &["none", "a"]),
        ("/fetch=a;fetch=a;only=a+b:b;fetch=b", "before,before,2,2", &["a", "b"]),
        ("/load;only=a+none:none;fetch=d", "-,4", &["*"]),
    ] {
        assert_eq!(browser.go(path).await.body, body, "{path}");
        assert_eq!(world.take_loads(), loads, "{path}");
    }
}

/// The request sees its own changes, and what it knows by having written it.
pub async fn what_the_request_has_changed_is_known_without_asking(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    let reply = browser.go("/insert=a:mine;remove=b;only=a+b+c:a;only=a+b+c:b;only=a+b+c:c;status=500").await;
    assert_eq!(reply.body, "mine,-,3");
    assert_eq!(world.take_calls(), [Load], "a 5xx writes nothing");
    let reply = browser.go("/only=a:a;insert=b:new;remove=c;only=b+c:b;only=b+c:c;status=500").await;
    assert_eq!(reply.body, "before,new,-");
    assert_eq!(world.take_calls(), [Load]);

    let reply = browser.go("/only=a:a;insert=b:new;remove=c;save;only=b+c:b;only=b+c:c").await;
    assert_eq!(reply.body, "before,new,-");
    assert_eq!(world.take_calls(), [Load, Save]);
    assert_eq!(browser.go("/only=a:a;take=d;only=d:d").await.body, "before,4,-");
    assert_eq!(world.take_calls(), [Load, Take]);
    assert_eq!(browser.go("/only=a:a;add=n;only-contains=n:n").await.body, "before,1,true");
    assert_eq!(world.take_calls(), [Load, ReplaceIf]);
}

/// It reads the rest, and loses neither what was read nor what was changed.
pub async fn a_load_of_everything_may_follow(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    let reply = browser.go("/only=a:a;insert=b:mine;remove=c;load;names;get=a;get=b;only=d:d").await;
    assert_eq!(reply.body, "before,a+b+d,before,mine,4");
    assert_eq!(world.take_loads(), ["a", "*"]);
    assert_eq!(browser.go("/names;get=b").await.body, "a+b+d,mine");
}

/// The metadata comes with every load: alone, it is the cheapest.
pub async fn a_load_of_no_name_tells_whether_there_is_a_session_and_whose(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    assert_eq!(browser.go("/only-whose;only=a:a;only-whose").await.body, "true,before,true");
    assert_eq!(world.take_loads(), ["", "a"]);
    browser.go("/sign-in=ann").await;
    assert_eq!(browser.go("/only-whose").await.body, "ann");
    assert_eq!(world.browser().go("/only-whose").await.body, "false");
}

/// A change is sent by itself: nothing that was not read is needed for it.
pub async fn a_change_after_a_partial_load_is_one_call_more(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    browser.go("/only=a:a;insert=b:new").await;
    assert_eq!(world.take_calls(), [Load, Save]);
    browser.go("/only-update=n;insert=c:new").await;
    assert_eq!(world.take_calls(), [Load, Save]);
    assert_eq!(browser.go("/get=a;get=b;get=c;get=d;get-number=n").await.body, "before,new,new,4,1");
}

/// Rule 1: no session is an empty one, which a change begins.
pub async fn where_no_session_is_nothing_is_asked_twice(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let path = "/only=a:a;only=a+b:b;only-whose;fetch=c;load;names";
    let reply = world.browser().go(path).await;
    assert_eq!(reply.body, "-,-,false,-");
    assert_eq!(world.take_calls(), [], "without a cookie there is nothing to ask for");
    let forged = "A".repeat(43);
    let reply = world.send(Request::new(path).cookie(Some(&forged))).await;
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(world.take_calls(), [Load]);
    let reply = world.send(Request::new("/only=a:a;insert=b:1;only=b:b").cookie(Some(&forged))).await;
    assert_eq!(reply.body, "-,1");
    assert!(reply.issued().is_some_and(|id| id != forged));
    assert_eq!(world.take_calls(), [Load, Create]);
}

/// Rule 10.
pub async fn of_several_cookies_the_named_attributes_are_those_of_the_live_one(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let live = full(&world).await.cookie().unwrap();
    let other = world.visitor().await.cookie().unwrap();
    let ask = |path: &str, second: &str| {
        world.send(Request::new(path).header("cookie", format!("__Host-id={second}; __Host-id={live}")))
    };
    let dead = "A".repeat(43);
    assert_eq!(ask("/only=b:b;only=b+c:c", &dead).await.body, "2,3");
    assert_eq!(world.take_loads(), ["b", "b", "c"], "both in one trip, then the live one alone");
    assert_eq!(ask("/only=a:a;only=b:b", &other).await.body, "-,-");
    assert_eq!(ask("/only=a:a;insert=b:1", &other).await.status, 409);
}

/// Rule 1 and CONTRACT, Words: the request had loaded it.
pub async fn what_was_loaded_in_part_and_is_no_longer_there_is_gone(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for (then, expected) in
        [("only=b:b;is-gone", "before,-,true"), ("only=a:a;is-gone", "before,before,false")]
    {
        let browser = full(&world).await;
        world.handler.gate("in", 2);
        world.handler.gate("out", 2);
        let late = browser.copy().start(&format!("/only=a:a;meet=in;meet=out;{then}"));
        world.handler.meet("in").await;
        browser.go("/invalidate").await;
        world.handler.meet("out").await;
        assert_eq!(late.await.unwrap().body, expected, "{then}");
    }
    let browser = full(&world).await;
    world.handler.gate("in", 2);
    world.handler.gate("out", 2);
    let late = browser.copy().start("/only=a:a;meet=in;meet=out;insert=b:late");
    world.handler.meet("in").await;
    browser.go("/invalidate").await;
    world.handler.meet("out").await;
    let reply = late.await.unwrap();
    assert_eq!(reply.status, 409);
    assert!(reply.leaves_the_cookie_alone());
}

/// A failed load is the end of it, whichever load it was.
pub async fn a_partial_load_that_fails_is_a_503_and_nothing_more_is_sent(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = full(&world).await;
    let fail = || world.fail_next(Operation::Load, Fault::FailBefore(ErrorKind::Unavailable));
    fail();
    let reply = browser.go("/try-only=a:a;try-only=b:b;try-load;only=a:a").await;
    assert_eq!(reply.status, 503);
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(world.take_calls(), [Load]);
    assert_eq!(browser.go("/only=a:a").await.body, "before");
}
