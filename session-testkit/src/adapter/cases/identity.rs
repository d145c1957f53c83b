//! Rules 3 and 5: rotation, sign-in, renewal.

use std::time::Duration;

use crate::Operation::{Load, Save};
use crate::adapter::{AdapterHarness, World};

/// SECURITY row 5; CONFORMANCE 56, 57.
pub async fn rotate_gives_the_session_another_id_at_once(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in ["/load;handle;rotate;handle", "/rotate;handle;handle"] {
        let browser = world.visitor().await;
        let thief = browser.copy();
        let reply = browser.go(path).await;
        let (before, after) = reply.body.split_once(',').expect("two handles");
        assert_eq!(before, after, "the handle stays");
        assert_ne!(browser.cookie(), thief.cookie());
        assert_eq!(reply.all("cache-control"), ["no-store"]);
        assert_eq!(thief.go("/get=a").await.body, "-");
        assert_eq!(browser.go("/get=a").await.body, "before");
    }
}

/// Rule 3: both carry what was pending.
pub async fn rotate_and_sign_in_carry_what_is_pending(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for (step, load) in [("rotate", ""), ("rotate", "load;"), ("sign-in=ann", ""), ("sign-in=ann", "load;")] {
        let browser = world.visitor().await;
        let path = format!("/{load}insert=b:1;remove=a;{step};get=b;contains=a;status=500");
        let reply = browser.go(&path).await;
        assert!(reply.issued().is_some(), "{path}");
        assert_eq!(reply.body, "1,false", "{path}");
        assert!(world.take_calls().iter().all(|op| *op != Save), "{path}: in one step");
        assert_eq!(browser.go("/names").await.body, "b", "{path}");
    }
}

/// Rule 5; the peers lose the session here.
pub async fn a_rotation_followed_by_a_500_still_hands_out_the_new_cookie(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for path in [
        "/load;rotate;insert=b:1;status=500",
        "/load;sign-in=ann;insert=b:1;status=503",
        "/rotate;status=409",
    ] {
        let browser = world.visitor().await;
        let reply = browser.go(path).await;
        assert!(reply.issued().is_some(), "{path}");
        assert_eq!(browser.go("/names").await.body, "a", "{path}: the id is durable, the change is not");
    }
}

/// CONFORMANCE 58: there must be something to rotate; what is pending is something.
pub async fn rotating_nothing_is_an_error(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    assert_eq!(world.browser().go("/try-rotate").await.body, "NoSession");
    let stale = crate::adapter::Request::new("/try-rotate").cookie(Some(&"A".repeat(43)));
    let reply = world.send(stale).await;
    assert_eq!(reply.body, "NoSession");
    assert!(reply.leaves_the_cookie_alone());
    assert!(world.browser().go("/insert=a:1;rotate").await.issued().is_some());
}

/// SECURITY rows 5, 10, 22.
pub async fn sign_in_sets_the_principal_under_a_new_id(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let planted = browser.copy();
    browser.go("/load;sign-in=ann;principal").await;
    assert_eq!(browser.go("/principal;get=a").await.body, "ann,before");
    assert_eq!(planted.go("/principal;get=a").await.body, "-,-");
    let again = browser.copy();
    browser.go("/sign-in=bob").await;
    assert_eq!(browser.go("/principal").await.body, "bob");
    assert_eq!(again.go("/principal").await.body, "-", "signing in again ends the id from before");
    let newcomer = world.browser();
    newcomer.go("/sign-in=cy").await;
    assert_eq!(newcomer.go("/principal;is-new").await.body, "cy,false");
}

/// SECURITY row 9, 10: only a sign-in moves the absolute end.
pub async fn a_sign_in_starts_the_absolute_timeout_anew_and_nothing_else_does(harness: &dyn AdapterHarness) {
    let expiry = session_core::Expiry::absolute(Duration::from_secs(60)).unwrap();
    let world = World::with(harness, |builder| builder.expiry(expiry).touch(Duration::ZERO)).await;
    let browser = world.visitor().await;
    let end = |reply: crate::adapter::Reply| reply.body.parse::<u64>().expect("an end");
    let first = end(browser.go("/ends").await);
    harness.advance(Duration::from_millis(20)).await;
    browser.go("/load;rotate;insert=b:1").await;
    assert_eq!(end(browser.go("/ends").await), first);
    browser.go("/load;sign-in=ann").await;
    assert!(end(browser.go("/ends").await) > first);
}

/// CONTRACT, Renewal; SECURITY row 13.
pub async fn a_renewal_breaks_neither_old_requests_nor_lost_answers(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.renew_every(Some(Duration::from_millis(300)))).await;
    let browser = world.visitor().await;
    assert!(browser.go("/get=a").await.leaves_the_cookie_alone(), "young ids stay");
    harness.advance(Duration::from_millis(500)).await;
    let tab = browser.copy();
    let lost = browser.copy().go("/get=a").await;
    assert!(lost.issued().is_some(), "an old id is renewed");
    let reply = browser.go("/get=a;insert=b:1").await;
    assert_eq!(reply.body, "before", "the answer with the new id was lost: the old one is good");
    assert!(reply.leaves_the_cookie_alone(), "a candidate waits to be shown");
    let renewed = world.send(crate::adapter::Request::new("/names").cookie(lost.issued().as_deref())).await;
    assert_eq!(renewed.body, "a+b", "the candidate is good, too");
    assert_eq!(tab.go("/insert=c:1").await.status, 200, "the previous id has its grace");
    browser.go("/load;rotate").await;
    assert_eq!(browser.go("/names").await.body, "a+b+c");
    assert_eq!(tab.go("/exists").await.body, "false", "a rotation ends the grace");
    let candidate =
        world.send(crate::adapter::Request::new("/exists").cookie(lost.issued().as_deref())).await;
    assert_eq!(candidate.body, "false");
}

/// SECURITY row 43: no `Debug` shows an id.
pub async fn no_debug_output_shows_an_id_or_a_value(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    browser.go("/insert=a:hunter2;keep").await;
    let unread = format!("{:?}", world.handler.kept());
    browser.go("/load;insert=a:hunter2;keep").await;
    let kept = world.handler.kept();
    let text = format!("{unread} {kept:?} {:?} {:?}", kept.manager(), kept.load().await);
    let id = browser.cookie().unwrap();
    assert!(!text.contains("hunter2") && !text.contains(&id) && !text.contains(&id[22..]), "{text}");
    assert!(text.contains(&kept.handle().unwrap().to_string()), "the handle may be seen");
    world.forget_calls();
    browser.go("/load;detach").await;
    assert_eq!(world.take_calls(), [Load]);
    assert!(!format!("{:?}", world.handler.detached()).contains("hunter2"));
}
