//! Expiry and touch, as a client sees them.

use std::time::Duration;

use session_core::Expiry;

use crate::Operation::{Load, Save, Touch};
use crate::adapter::{AdapterHarness, World};

const IDLE: Duration = Duration::from_millis(400);

/// SECURITY rows 8, 12.
pub async fn a_session_that_was_not_used_ends(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.expiry(Expiry::idle(IDLE).unwrap())).await;
    let browser = world.visitor().await;
    assert_eq!(browser.go("/get=a").await.body, "before");
    harness.advance(IDLE * 2).await;
    let reply = browser.go("/get=a;exists").await;
    assert_eq!(reply.body, "-,false");
    assert!(reply.leaves_the_cookie_alone());
    assert!(browser.go("/insert=b:1").await.issued().is_some(), "and a change begins another");
    assert_eq!(browser.go("/names").await.body, "b");
}

/// CONTRACT, Expiry; CONFORMANCE 32: use keeps a session alive, by reads alone.
pub async fn reading_keeps_a_session_alive(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.expiry(Expiry::idle(IDLE).unwrap())).await;
    let browser = world.visitor().await;
    for _ in 0..6 {
        harness.advance(IDLE / 2).await;
        assert_eq!(browser.go("/get=a").await.body, "before");
    }
}

/// A touch that is due is one more round trip, and rides on a change.
pub async fn a_due_touch_is_one_call_more_and_rides_on_a_change(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.touch(Duration::ZERO)).await;
    let browser = world.visitor().await;
    harness.advance(Duration::from_millis(20)).await;
    browser.go("/get=a").await;
    assert_eq!(world.take_calls(), [Load, Touch]);
    harness.advance(Duration::from_millis(20)).await;
    browser.go("/get=a;insert=b:1").await;
    assert_eq!(world.take_calls(), [Load, Save]);
    harness.advance(Duration::from_millis(20)).await;
    browser.go("/get=a;status=500").await;
    assert_eq!(world.take_calls(), [Load, Touch], "a failed request was a use, too");
}

/// DESIGN, The model: most reads write nothing.
pub async fn a_touch_that_is_not_due_is_not_sent(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    harness.advance(Duration::from_millis(20)).await;
    browser.go("/get=a").await;
    assert_eq!(world.take_calls(), [Load]);
}

/// CONFORMANCE 30, 32, 266.
pub async fn times_are_kept_and_last_access_advances(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.touch(Duration::ZERO)).await;
    let browser = world.visitor().await;
    let times = |reply: crate::adapter::Reply| {
        let (created, accessed) = reply.body.split_once(',').expect("two times");
        (created.parse::<u64>().unwrap(), accessed.parse::<u64>().unwrap())
    };
    let (created, first) = times(browser.go("/created;accessed").await);
    harness.advance(Duration::from_millis(50)).await;
    browser.go("/load").await;
    let (same, second) = times(browser.go("/created;accessed").await);
    assert_eq!(created, same);
    assert!(second > first, "{first} {second}");
}

/// CONFORMANCE 36; the peers lose it at the next write.
pub async fn a_timeout_of_its_own_stays_with_the_session(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    assert_eq!(browser.go("/idle").await.body, "1800000");
    assert_eq!(browser.go("/load;set-idle=400;idle").await.body, "400");
    browser.go("/insert=b:1").await;
    browser.go("/load;insert=c:1").await;
    assert_eq!(browser.go("/idle").await.body, "400");
    harness.advance(IDLE * 2).await;
    assert_eq!(browser.go("/exists").await.body, "false");
    assert_eq!(world.browser().go("/insert=a:1;set-idle=5000;save;idle").await.body, "5000");
}
