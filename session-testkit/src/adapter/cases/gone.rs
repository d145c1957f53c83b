//! Rules 1 to 4: what was ended or rotated over a request's head.

use crate::Operation::{Create, Load, Rotate, Save, SignIn};
use crate::adapter::{AdapterHarness, World};

/// A request under way with `path`, which must come to the gates `in` and `out`; meanwhile `meanwhile` happens.
async fn over_the_head_of(
    world: &World,
    path: &str,
    meanwhile: &str,
) -> (crate::adapter::Reply, crate::adapter::Browser) {
    let browser = world.visitor().await;
    let other = browser.copy();
    world.handler.gate("in", 2);
    world.handler.gate("out", 2);
    let late = browser.start(path);
    world.handler.meet("in").await;
    assert_eq!(other.go(meanwhile).await.status, 200, "{meanwhile}");
    world.forget_calls();
    world.handler.meet("out").await;
    (late.await.expect("the late request"), other)
}

/// Rules 1, 2; the promise "no resurrection".
pub async fn a_change_after_a_logout_is_409_writes_nothing_and_sets_no_cookie(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in [
        "/load;meet=in;meet=out;insert=b:late",
        "/meet=in;meet=out;insert=b:late",
        "/insert=b:late;meet=in;meet=out;save",
    ] {
        let (reply, other) = over_the_head_of(&world, path, "/invalidate").await;
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}: {reply:?}");
        assert!(reply.all("x-handler").is_empty(), "nothing of the handler's answer is left");
        assert_eq!(world.take_calls(), [Save], "{path}");
        assert_eq!(other.go("/exists").await.body, "false");
    }
}

/// The same over a rotation: the old id is worth nothing at once.
pub async fn a_change_under_an_id_that_was_rotated_is_409_and_touches_no_cookie(
    harness: &dyn AdapterHarness,
) {
    let world = World::new(harness).await;
    for meanwhile in ["/rotate", "/load;sign-in=ann"] {
        for path in ["/load;meet=in;meet=out;insert=b:late", "/meet=in;meet=out;insert=b:late"] {
            let (reply, other) = over_the_head_of(&world, path, meanwhile).await;
            assert_eq!(reply.status, 409, "{path}");
            assert!(reply.leaves_the_cookie_alone(), "{path}: {reply:?}");
            assert_eq!(world.take_calls(), [Save]);
            assert_eq!(other.go("/names").await.body, "a", "{path}: the late change is nowhere");
        }
    }
}

/// Rule 1: reads are empty, and are no reason to fail.
pub async fn reading_what_was_ended_over_the_head_is_empty(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let (reply, _) = over_the_head_of(&world, "/meet=in;meet=out;get=a;exists;is-gone", "/invalidate").await;
    assert_eq!((reply.status, &*reply.body), (200, "-,false,true"));
    assert!(reply.leaves_the_cookie_alone());
    let (reply, _) = over_the_head_of(&world, "/meet=in;meet=out;get=a;insert=b:1", "/invalidate").await;
    assert_eq!(reply.status, 409);
    assert_eq!(world.take_calls(), [Load], "what is known to be gone is not asked again");
}

/// Rule 1: also for a request that arrives after the login, with the old cookie.
pub async fn a_request_with_the_cookie_from_before_the_login_sets_none(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let tab = browser.copy();
    browser.go("/load;sign-in=ann").await;
    for path in ["/insert=b:1", "/load;insert=b:1", "/add=n", "/insert=b:1;save"] {
        let reply = tab.go(path).await;
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}");
    }
    let reply = tab.go("/get=a;principal").await;
    assert_eq!((reply.status, &*reply.body), (200, "-,-"));
    assert_eq!(browser.go("/principal;names").await.body, "ann,a");
}

/// Rule 3: a plain rotation says so, a sign-in starts afresh.
pub async fn a_rotation_over_the_head_is_409_and_a_sign_in_starts_afresh(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in ["/load;meet=in;meet=out;rotate", "/meet=in;meet=out;rotate"] {
        let (reply, _) = over_the_head_of(&world, path, "/invalidate").await;
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.leaves_the_cookie_alone());
        assert_eq!(world.take_calls(), [Rotate]);
    }
    for path in ["/load;meet=in;meet=out;insert=b:1;sign-in=ann", "/meet=in;meet=out;insert=b:1;sign-in=ann"]
    {
        let (reply, other) = over_the_head_of(&world, path, "/invalidate").await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(world.take_calls(), [SignIn, Create, SignIn]);
        let id = reply.issued().expect("a new session");
        let request = crate::adapter::Request::new("/names;principal").cookie(Some(&id));
        assert_eq!(world.send(request).await.body, "b,ann", "nothing of the ended one's attributes");
        assert_eq!(other.go("/exists").await.body, "false");
    }
}

/// Rules 1 and 6: operations that act at once say it at once.
pub async fn take_modify_and_save_say_that_the_session_is_gone(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for operation in ["take=a", "add=n", "insert=b:1;try-save"] {
        for load in ["", "load;"] {
            let path = format!("/{load}meet=in;meet=out;try-{operation};is-gone");
            let (reply, _) = over_the_head_of(&world, &path, "/invalidate").await;
            assert!(reply.body == "Gone,true" || reply.status == 409, "{path}: {reply:?}");
            assert!(reply.leaves_the_cookie_alone(), "{path}");
        }
    }
}

/// CONTRACT, Words: what this request had loaded and is no longer there is gone, however long ago it ended.
pub async fn what_was_loaded_and_is_no_longer_there_is_gone(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| {
        builder.expiry(session_core::Expiry::idle(std::time::Duration::from_millis(300)).unwrap())
    })
    .await;
    for path in ["/load;meet=in;meet=out;insert=b:late", "/fetch=a;meet=in;meet=out;load;insert=b:late"] {
        let browser = world.visitor().await;
        world.handler.gate("in", 2);
        world.handler.gate("out", 2);
        let late = browser.start(path);
        world.handler.meet("in").await;
        harness.advance(std::time::Duration::from_millis(500)).await;
        world.handler.meet("out").await;
        let reply = late.await.unwrap();
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}");
    }
}
