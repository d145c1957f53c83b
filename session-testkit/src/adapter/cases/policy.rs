//! Settings that change what is written, and when.

use std::time::Duration;

use session_core::{CookieResolver, ErrorKind, Expiry, FlushMode, SaveMode};

use crate::Operation::{Create, Load, Save, Touch};
use crate::adapter::{AdapterHarness, World};
use crate::{Fault, Operation};

const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(1800);

/// CONFORMANCE 148, 200, 244: of three attributes one is set, one read and one neither. Another request changes all
/// of them meanwhile: what the mode writes undoes it.
pub async fn a_save_mode_says_what_is_written_beside_the_changes(harness: &dyn AdapterHarness) {
    for (mode, after) in [
        (SaveMode::Changed, "mine,theirs,theirs"),
        (SaveMode::Read, "mine,before,theirs"),
        (SaveMode::Always, "mine,before,before"),
    ] {
        let world = World::with(harness, |builder| builder.save(mode)).await;
        let browser = world.visitor().await;
        browser.go("/insert=b:before;insert=c:before").await;
        world.handler.gate("read", 2);
        world.handler.gate("go", 2);
        let slow = browser.start("/load;insert=a:mine;get=b;meet=read;meet=go");
        world.handler.meet("read").await;
        browser.go("/insert=a:theirs;insert=b:theirs;insert=c:theirs").await;
        world.handler.meet("go").await;
        assert_eq!(slow.await.unwrap().status, 200);
        assert_eq!(browser.go("/fetch=a;fetch=b;fetch=c").await.body, after, "{mode:?}");
    }
}

/// CONFORMANCE 243: what begins has nothing else to write, and what failed writes nothing.
pub async fn a_save_mode_costs_a_write_only_where_there_is_something_to_keep(harness: &dyn AdapterHarness) {
    for (mode, read, untouched) in [
        (SaveMode::Changed, &[Load][..], &[Load][..]),
        (SaveMode::Read, &[Load, Save], &[Load]),
        (SaveMode::Always, &[Load, Save], &[Load, Save]),
    ] {
        let world = World::with(harness, |builder| builder.save(mode)).await;
        let browser = world.visitor().await;
        browser.go("/get=a").await;
        assert_eq!(world.take_calls(), read, "{mode:?}");
        browser.go("/load").await;
        assert_eq!(world.take_calls(), untouched, "{mode:?}");
        browser.go("/get=a;status=500").await;
        assert_eq!(world.take_calls(), [Load], "{mode:?}");
        world.browser().go("/insert=a:1;get=a").await;
        assert_eq!(world.take_calls(), [Create], "{mode:?}");
    }
}

/// A request that only reads asks for nothing that could be refused, whatever is written beside.
pub async fn what_a_save_mode_keeps_brings_no_session_back_and_is_no_409(harness: &dyn AdapterHarness) {
    for mode in [SaveMode::Read, SaveMode::Always] {
        let world = World::with(harness, |builder| builder.save(mode)).await;
        let browser = world.visitor().await;
        world.handler.gate("read", 2);
        world.handler.gate("go", 2);
        let slow = browser.start("/get=a;meet=read;meet=go");
        world.handler.meet("read").await;
        assert!(browser.copy().go("/invalidate").await.withdraws());
        world.handler.meet("go").await;
        let reply = slow.await.unwrap();
        assert_eq!((reply.status, &*reply.body), (200, "before"), "{mode:?}");
        assert!(reply.leaves_the_cookie_alone());
        assert_eq!(browser.go("/exists").await.body, "false");

        let failing = world.visitor().await;
        world.fail_next(Operation::Save, Fault::FailBefore(ErrorKind::Unavailable));
        assert_eq!(failing.go("/get=a").await.status, 503, "{mode:?}");
    }
}

/// CONFORMANCE 196, 197, 245: as soon as the handler waits for something.
pub async fn an_immediate_flush_writes_while_the_handler_is_at_work(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.flush(FlushMode::Immediate)).await;
    let browser = world.visitor().await;
    world.handler.gate("set", 2);
    world.handler.gate("go", 2);
    let slow = browser.start("/insert=b:1;meet=set;meet=go;insert=c:2;status=500");
    world.handler.meet("set").await;
    // The write goes on beside the handler, which waits.
    let mut seen = String::new();
    for _ in 0..1_000 {
        seen = browser.go("/names").await.body;
        if seen == "a+b" {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen, "a+b", "written before the answer");
    world.handler.meet("go").await;
    assert_eq!(slow.await.unwrap().status, 500);
    assert_eq!(browser.go("/names").await.body, "a+b+c", "whatever the answer is");

    world.forget_calls();
    let newcomer = world.browser();
    assert!(newcomer.go("/insert=a:1;insert=b:2;status=500").await.issued().is_some());
    assert_eq!(world.take_calls(), [Create], "what changes between two waits is one write");
}

/// What is wrong with an early write is told by the answer.
pub async fn an_immediate_flush_that_fails_is_told_by_the_answer(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.flush(FlushMode::Immediate)).await;
    for (fault, status) in
        [(Fault::FailAfter(ErrorKind::Timeout), 503), (Fault::FailBefore(ErrorKind::Unavailable), 503)]
    {
        let browser = world.visitor().await;
        world.handler.gate("go", 2);
        world.fail_next(Operation::Save, fault);
        let slow = browser.start("/insert=b:1;meet=go");
        world.handler.meet("go").await;
        let reply = slow.await.unwrap();
        assert_eq!(reply.status, status, "{fault:?}");
        assert!(reply.leaves_the_cookie_alone());
        assert_eq!(world.take_calls(), [Save], "an unknown outcome is not tried again");
    }

    let browser = world.visitor().await;
    for gate in ["read", "ended", "go"] {
        world.handler.gate(gate, 2);
    }
    let slow = browser.start("/load;meet=read;meet=ended;insert=b:1;meet=go");
    world.handler.meet("read").await;
    browser.copy().go("/invalidate").await;
    world.handler.meet("ended").await;
    world.handler.meet("go").await;
    assert_eq!(slow.await.unwrap().status, 409, "the session was ended over the request's head");
}

/// SECURITY row 58.
pub async fn sessions_without_a_principal_may_end_sooner(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| {
        builder.expiry(Expiry::idle(LONG).unwrap()).anonymous_idle(Some(SHORT))
    })
    .await;
    let (visitor, user) = (world.visitor().await, world.visitor().await);
    let millis = |duration: Duration| duration.as_millis().to_string();
    assert_eq!(world.browser().go("/idle").await.body, millis(SHORT), "before it begins, too");
    assert_eq!(visitor.go("/idle").await.body, millis(SHORT));
    assert_eq!(user.go("/sign-in=ann;idle").await.body, millis(LONG));
    let own = world.visitor().await;
    own.go("/set-idle=5000;sign-in=bob").await;
    assert_eq!(own.go("/idle").await.body, "5000", "what the application says counts");
    let fresh = world.browser();
    fresh.go("/sign-in=eve").await;

    harness.advance(SHORT * 2).await;
    for (browser, exists) in [(visitor, "false"), (user, "true"), (fresh, "true")] {
        assert_eq!(browser.go("/exists").await.body, exists);
    }
}

/// DESIGN, The model: a rolling Max-Age. SECURITY rows 12, 30: it ends nothing, and brings nothing back.
pub async fn a_cookie_that_clients_forget_is_sent_again_when_use_is_noted(harness: &dyn AdapterHarness) {
    let resolver = || CookieResolver::builder().max_age(Duration::from_secs(3600)).build().unwrap();
    let world = World::with(harness, |builder| builder.touch(Duration::ZERO).resolver(resolver())).await;
    let browser = world.visitor().await;
    let before = browser.cookie();

    harness.advance(Duration::from_millis(20)).await;
    for path in ["/get=a", "/get=a;insert=b:1", "/get=a;status=500"] {
        let reply = browser.go(path).await;
        assert_eq!(reply.issued(), before, "{path}: the same id");
        assert!(reply.all("set-cookie")[0].ends_with("; Secure; Max-Age=3600"));
        assert_eq!(reply.all("cache-control"), ["no-store"]);
        harness.advance(Duration::from_millis(20)).await;
    }
    world.forget_calls();
    browser.go("/get=a").await;
    assert_eq!(world.take_calls(), [Load, Save], "one round trip, as a touch is");

    world.handler.gate("read", 2);
    world.handler.gate("go", 2);
    harness.advance(Duration::from_millis(20)).await;
    let slow = browser.start("/get=a;meet=read;meet=go");
    world.handler.meet("read").await;
    assert!(browser.copy().go("/invalidate").await.withdraws());
    world.handler.meet("go").await;
    let reply = slow.await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.leaves_the_cookie_alone(), "the session has ended meanwhile");

    let throttled = World::with(harness, |builder| builder.resolver(resolver())).await;
    let browser = throttled.visitor().await;
    harness.advance(Duration::from_millis(20)).await;
    assert!(browser.go("/get=a").await.leaves_the_cookie_alone(), "no use is noted, no cookie sent");
    let usual = World::with(harness, |builder| builder.touch(Duration::ZERO)).await;
    let browser = usual.visitor().await;
    harness.advance(Duration::from_millis(20)).await;
    assert!(browser.go("/get=a").await.leaves_the_cookie_alone());
    assert_eq!(usual.take_calls(), [Load, Touch]);
}
