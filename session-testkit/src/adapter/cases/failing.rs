//! A store that fails never looks like "no session".

use session_core::ErrorKind;

use crate::Operation::{Create, Delete, Load, ReplaceIf, Rotate, Save, SignIn, Take, Touch};
use crate::adapter::{AdapterHarness, World};
use crate::{Fault, Operation};

const BEFORE: Fault = Fault::FailBefore(ErrorKind::Unavailable);
const AFTER: Fault = Fault::FailAfter(ErrorKind::Unavailable);

/// Each kind of request, and the operation of it that fails.
const REQUESTS: [(&str, Operation); 9] = [
    ("/get=a", Load),
    ("/fetch=a", Load),
    ("/load;insert=b:1", Save),
    ("/insert=b:1", Save),
    ("/rotate", Rotate),
    ("/load;sign-in=ann", SignIn),
    ("/invalidate", Delete),
    ("/take=a", Take),
    ("/load;add=n", ReplaceIf),
];

/// SECURITY rows 54, 55.
pub async fn a_store_that_fails_is_a_503_that_leaves_the_cookie_alone(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for (path, op) in REQUESTS {
        let browser = world.visitor().await;
        world.fail_next(op, BEFORE);
        let reply = browser.go(path).await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}");
        assert_eq!(browser.go("/get=a;principal").await.body, "before,-", "{path}: the session is as it was");
    }
    world.fail_next(Create, BEFORE);
    let reply = world.browser().go("/insert=a:1").await;
    assert_eq!(reply.status, 503);
    assert!(reply.leaves_the_cookie_alone());
    assert!(reply.all("x-handler").is_empty(), "nothing of the handler's answer is left");
    assert!(!reply.body.contains("store is down"), "causes are for the log: {}", reply.body);
}

/// CONTRACT, Operations: nobody knows whether it was applied.
pub async fn an_operation_with_an_unknown_outcome_is_a_503_whatever_the_handler_says(
    harness: &dyn AdapterHarness,
) {
    let world = World::new(harness).await;
    for step in ["rotate", "sign-in=ann", "invalidate", "take=a", "add=n"] {
        for then in ["", ";try-get=a;try-insert=b:1;try-rotate;try-invalidate;try-take=a;try-save"] {
            let browser = world.visitor().await;
            let path = format!("/try-{step}{then}");
            let op = match step.split('=').next() {
                Some("rotate") => Rotate,
                Some("sign-in") => SignIn,
                Some("invalidate") => Delete,
                Some("take") => Take,
                _ => ReplaceIf,
            };
            world.fail_next(op, AFTER);
            let reply = browser.go(&path).await;
            assert_eq!(reply.status, 503, "{path}");
            assert!(reply.leaves_the_cookie_alone(), "{path}");
            assert_eq!(world.take_calls(), [op], "{path}: nothing more is sent");
        }
    }
}

/// CONTRACT, Operations: dropping an operation is one more way not to learn its outcome.
pub async fn an_operation_that_is_dropped_has_an_unknown_outcome(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.fail_next(Take, Fault::HangBefore);
    let reply = browser.go("/drop-take=a;try-take=a").await;
    assert_eq!(reply.status, 503);
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(world.take_calls(), [Take], "nothing more is sent");
    assert_eq!(browser.go("/get=a").await.body, "before");
}

/// Rule 7.
pub async fn a_commit_that_fails_replaces_the_answer(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.fail_next(Save, AFTER);
    let reply = browser.go("/insert=b:1;get=b").await;
    assert_eq!(reply.status, 503);
    assert!(reply.all("x-handler").is_empty() && reply.leaves_the_cookie_alone());
    assert!(!reply.body.contains('1'), "{reply:?}");
}

/// Rule 5, against what fails later in the same request.
pub async fn the_cookie_of_a_rotation_leaves_although_a_later_operation_fails(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in ["/load;rotate;take=a", "/load;sign-in=ann;take=a", "/rotate;try-take=a"] {
        let browser = world.visitor().await;
        world.fail_next(Take, BEFORE);
        let reply = browser.go(path).await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(reply.issued().is_some(), "{path}: the old id is dead");
        assert_eq!(browser.go("/get=a").await.body, "before");
    }
}

/// DESIGN, Budget: a request whose load failed sends nothing more.
pub async fn after_a_failed_load_nothing_more_is_sent(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.fail_next(Load, BEFORE);
    let reply = browser.go("/try-load;try-get=a;try-take=a;try-rotate;try-sign-in=ann;try-insert=b:1").await;
    assert_eq!(world.take_calls(), [Load]);
    assert!(reply.body.split(',').all(|said| said == "Unavailable"), "{}", reply.body);
    assert!(reply.leaves_the_cookie_alone());
}

/// A write that the load has not foreseen: blind changes, made before a load that fails, are not lost in silence.
pub async fn changes_made_before_a_failed_load_make_the_answer_a_503(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.fail_next(Load, BEFORE);
    assert_eq!(browser.go("/insert=b:1;try-load").await.status, 503);
}

/// Rule 8.
pub async fn a_touch_that_fails_never_changes_the_answer(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.touch(std::time::Duration::ZERO)).await;
    for fault in [BEFORE, AFTER] {
        let browser = world.visitor().await;
        harness.advance(std::time::Duration::from_millis(20)).await;
        world.fail_next(Touch, fault);
        let reply = browser.go("/get=a").await;
        assert_eq!((reply.status, &*reply.body), (200, "before"));
        assert_eq!(world.take_calls(), [Load, Touch]);
    }
}

/// SECURITY row 2: no id without random bytes, and nothing asked of the store.
pub async fn without_random_bytes_nothing_begins(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.random(crate::FailingRandom::default())).await;
    for path in ["/insert=a:1", "/sign-in=ann", "/add=n", "/detach"] {
        let reply = world.browser().go(path).await;
        assert_eq!(reply.status, 500, "{path}");
        assert!(reply.leaves_the_cookie_alone());
        assert_eq!(world.take_calls(), [], "{path}");
    }
}
