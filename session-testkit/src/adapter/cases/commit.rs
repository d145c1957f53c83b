//! When changes are written.

use crate::Fault;
use crate::Operation::{Create, Delete, Load, Rotate, Save, SignIn};
use crate::adapter::{AdapterHarness, World};

/// Rule 7.
pub async fn changes_are_not_written_when_the_request_failed(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for status in [500, 503, 599, 408] {
        let browser = world.visitor().await;
        let reply = browser.go(&format!("/insert=b:1;remove=a;status={status}")).await;
        assert_eq!((reply.status, world.take_calls()), (status, vec![]));
        assert_eq!(browser.go("/names").await.body, "a");
        let newcomer = world.browser().go(&format!("/insert=b:1;status={status}")).await;
        assert!(newcomer.leaves_the_cookie_alone());
    }
}

/// Rule 7; CONFORMANCE 75-77.
pub async fn changes_are_written_whatever_else_the_answer_is(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for status in [204, 302, 400, 404, 409, 499] {
        let browser = world.browser();
        let reply = browser.go(&format!("/insert=a:{status};status={status}")).await;
        assert!(reply.issued().is_some(), "{status}");
        assert_eq!(browser.go("/get=a").await.body, status.to_string());
    }
}

/// Rule 7: the predicate is a setting.
pub async fn which_answers_write_is_configurable(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| builder.commit_when(|status| status != 404)).await;
    let browser = world.visitor().await;
    browser.go("/insert=b:1;status=500").await;
    browser.go("/insert=c:1;status=404").await;
    assert_eq!(browser.go("/names").await.body, "a+b");
}

/// DESIGN, The model.
pub async fn a_change_after_the_response_has_begun_is_an_error(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    for path in ["/keep", "/load;keep", "/insert=b:1;keep", "/keep;status=500"] {
        browser.go(path).await;
        let kept = world.handler.kept();
        world.forget_calls();
        let kind = |result: session_core::Result<()>| result.expect_err(path).kind();
        assert_eq!(kind(kept.insert("late", &1)), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.remove("a")), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.rotate().await), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.sign_in("ann").await), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.invalidate().await), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.take::<String>("a").await.map(drop)), session_core::ErrorKind::Committed);
        assert_eq!(kind(kept.detach().await.map(drop)), session_core::ErrorKind::Committed);
        assert_eq!(world.take_calls().into_iter().filter(|op| *op != Load).count(), 0);
    }
}

/// The same line, at its edge: until the commit is done no change is refused, and none is lost.
pub async fn a_change_made_while_the_commit_is_under_way_is_written_with_it(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.fail_next(Save, Fault::HangBefore);
    let request = browser.start("/keep;insert=b:1");
    world.faults().hanging(1).await;
    world.handler.kept().insert("c", "2").expect("the response has not begun");
    world.faults().release();
    assert_eq!(request.await.unwrap().status, 200);
    assert_eq!(world.take_calls(), [Save, Save]);
    assert_eq!(browser.go("/names").await.body, "a+b+c");
}

/// DESIGN, The model: streams and sockets.
pub async fn a_detached_session_writes_by_save_alone_and_sets_no_cookie(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    let reply = browser.go("/insert=a:1;detach").await;
    assert!(reply.issued().is_some(), "the session begins with the response");
    let detached = world.handler.detached();
    world.forget_calls();
    assert_eq!(detached.get::<String>("a").unwrap().as_deref(), Some("1"));
    detached.insert("b", "2").unwrap();
    assert_eq!(world.take_calls(), []);
    detached.save().await.unwrap();
    assert_eq!(world.take_calls(), [Save]);
    assert_eq!(browser.go("/names;get=b").await.body, "a+b,2");
    browser.go("/invalidate").await;
    detached.insert("c", "3").unwrap();
    assert_eq!(detached.save().await.unwrap_err().kind(), session_core::ErrorKind::Gone);
    assert_eq!(
        world.browser().go("/detach").await.issued().map(|id| id.len()),
        Some(43),
        "detach begins one"
    );
}

/// What round trips are promised, seen from the trait.
pub async fn each_kind_of_request_asks_as_little_as_can_be(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for (path, calls) in [
        ("/get=a", vec![Load]),
        ("/load;insert=b:1", vec![Load, Save]),
        ("/insert=b:1", vec![Save]),
        ("/load;rotate", vec![Load, Rotate]),
        ("/rotate", vec![Rotate]),
        ("/load;sign-in=ann", vec![Load, SignIn]),
        ("/sign-in=ann;insert=b:2", vec![SignIn, Save]),
        ("/load;invalidate", vec![Load, Delete]),
        ("/invalidate", vec![Delete]),
    ] {
        let browser = world.visitor().await;
        assert_eq!(browser.go(path).await.status, 200, "{path}");
        assert_eq!(world.take_calls(), calls, "{path}");
    }
    world.browser().go("/insert=a:1").await;
    assert_eq!(world.take_calls(), [Create]);
    world.browser().go("/sign-in=ann").await;
    assert_eq!(world.take_calls(), [Create, SignIn]);
}

/// Rule 5: a panic goes on, unless the client has to hear of something.
pub async fn a_panic_goes_on_unless_the_client_must_hear_of_something(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    assert!(browser.try_go("/insert=b:1;panic").await.is_none());
    assert_eq!(world.take_calls(), [], "the change is dropped with the handler");
    let reply = browser.try_go("/rotate;insert=b:1;panic").await.expect("an answer with the cookie");
    assert_eq!(reply.status, 500);
    assert!(reply.issued().is_some());
    assert_eq!(browser.go("/names").await.body, "a");
    let reply = browser.try_go("/invalidate;panic").await.expect("an answer with the cookie");
    assert!(reply.withdraws());
}

/// Rule 7: what a handler that is dropped has changed is dropped with it; what it has ended has ended.
pub async fn a_dropped_handler_commits_nothing_and_loses_no_logout(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let (browser, leaver) = (world.visitor().await, world.visitor().await);
    for (client, path) in
        [(&browser, "/load;insert=b:1;meet=in;hang"), (&leaver, "/load;invalidate;meet=in;hang")]
    {
        world.handler.gate("in", 2);
        let request = client.start(path);
        world.handler.meet("in").await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }
    assert_eq!(browser.go("/names").await.body, "a");
    assert_eq!(leaver.go("/names;exists").await.body, "false");
}
