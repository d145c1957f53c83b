//! Attributes: changes, and the operations that are atomic when they return.

use crate::Operation::{Create, Load, ReplaceIf, Save, Take};
use crate::adapter::{AdapterHarness, World};

/// CONFORMANCE 37, 50.
pub async fn attributes_are_set_read_listed_and_removed_across_requests(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    browser.go("/insert=b:2;insert=a:1;insert=c:3").await;
    assert_eq!(browser.go("/names;get=a;get=b;contains=c;contains=d").await.body, "a+b+c,1,2,true,false");
    assert_eq!(browser.go("/remove=b;insert=d:4").await.body, "");
    assert_eq!(
        browser.go("/remove=c;names;get=b;get=d").await.body,
        "a+d,-,4",
        "also what changed before the load"
    );
    assert_eq!(browser.go("/names").await.body, "a+d");
}

/// What a request has changed it sees at once; what it set last counts (CONFORMANCE 235).
pub async fn a_request_sees_its_own_changes(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let reply =
        browser.go("/load;insert=a:1;get=a;remove=a;get=a;insert=a:2;get=a;insert=b:3;remove=b;names").await;
    assert_eq!(reply.body, "1,-,2,a");
    assert_eq!(browser.go("/names;get=a").await.body, "a,2");
}

/// DESIGN, The model: a store applies changes. Only what was changed is sent.
pub async fn an_attribute_that_was_only_read_is_not_written_back(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    world.handler.gate("read", 2);
    world.handler.gate("go", 2);
    let slow = browser.start("/load;get=a;meet=read;meet=go;insert=b:2");
    world.handler.meet("read").await;
    browser.go("/insert=a:after").await;
    world.handler.meet("go").await;
    assert_eq!(slow.await.unwrap().body, "before");
    assert_eq!(browser.go("/get=a;get=b").await.body, "after,2");
}

/// A change after a read costs two round trips, a blind one one.
pub async fn a_change_costs_one_call_more_than_the_read(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    browser.go("/load;get=a;insert=b:1;remove=a").await;
    assert_eq!(world.take_calls(), [Load, Save]);
    browser.go("/insert=b:2;insert=c:3").await;
    assert_eq!(world.take_calls(), [Save]);
    browser.go("/fetch=b").await;
    assert_eq!(world.take_calls(), [Load]);
    browser.go("/load;load;get=a;get=b").await;
    assert_eq!(world.take_calls(), [Load]);
}

/// One attribute that cannot be decoded spoils that attribute, not the session (CONFORMANCE 271).
pub async fn an_undecodable_attribute_spoils_only_itself(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    browser.go("/insert=b:text").await;
    assert_eq!(browser.go("/get-number=b").await.status, 500);
    assert_eq!(browser.go("/try-get-number=b;get=a;insert=c:1").await.body, "Undecodable,before");
    assert!(browser.go("/invalidate").await.withdraws(), "ending a session never decodes");
}

/// DESIGN, Errors: nothing of it is stored.
pub async fn what_is_too_large_is_refused_by_insert(harness: &dyn AdapterHarness) {
    let world = World::with(harness, |builder| {
        let mut limits = session_core::Limits::default();
        (limits.attribute_bytes, limits.session_bytes, limits.attributes) = (100, 150, 3);
        builder.limits(limits)
    })
    .await;
    let browser = world.visitor().await;
    let name = "n".repeat(257);
    for path in ["/insert-large=b:99".to_owned(), format!("/insert={name}:x")] {
        let reply = browser.go(&path).await;
        assert_eq!(reply.status, 413, "{path}");
        assert!(reply.leaves_the_cookie_alone());
    }
    assert_eq!(browser.go("/load;insert-large=b:98;try-insert-large=c:98").await.body, "TooLarge");
    assert_eq!(
        browser.go("/load;remove=b;insert=c:1;insert=d:2;try-insert=e:3;names").await.body,
        "TooLarge,a+c+d"
    );
    assert_eq!(browser.go("/names").await.body, "a+c+d");
}

/// Rule 6.
pub async fn take_is_durable_when_it_returns_and_a_5xx_does_not_undo_it(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    let reply = browser.go("/take=a;status=500").await;
    assert_eq!((reply.status, &*reply.body), (500, "before"));
    assert_eq!(world.take_calls(), [Take]);
    assert_eq!(browser.go("/take=a;get=a").await.body, "-,-");
}

/// Rule 6: a pending change of the same attribute goes with it.
pub async fn take_gives_what_the_request_has_set_itself(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    assert_eq!(browser.go("/load;insert=a:mine;take=a;get=a").await.body, "mine,-");
    assert_eq!(browser.go("/get=a").await.body, "-");
    browser.go("/insert=a:again").await;
    assert_eq!(browser.go("/remove=a;take=a").await.body, "-");
    assert_eq!(world.browser().go("/take=a").await.body, "-");
}

/// Rule 6.
pub async fn modify_is_durable_when_it_returns_and_begins_a_session_if_need_be(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    let reply = browser.go("/add=n;status=500").await;
    assert_eq!((reply.status, &*reply.body), (500, "1"));
    assert!(reply.issued().is_some(), "the session is there: its client must hear of it");
    assert_eq!(world.take_calls(), [Create]);
    assert_eq!(browser.go("/load;add=n;get-number=n").await.body, "2,2");
    assert_eq!(world.take_calls(), [Load, ReplaceIf]);
    assert_eq!(browser.go("/add=n").await.body, "3");
    assert_eq!(world.take_calls(), [ReplaceIf, ReplaceIf], "unread: the first try tells what is there");
}

/// Rule 6.
pub async fn modify_starts_from_what_the_request_has_set_itself(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.visitor().await;
    assert_eq!(browser.go("/insert-number=n:41;add=n").await.body, "42");
    assert_eq!(browser.go("/get-number=n").await.body, "42");
    assert_eq!(browser.go("/load;remove=n;add=n").await.body, "1");
    assert_eq!(browser.go("/get-number=n").await.body, "1");
}

/// Rule 6.
pub async fn save_is_durable_when_it_returns(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    let reply = browser.go("/insert=a:1;save;insert=b:2;status=500").await;
    assert!(reply.issued().is_some());
    assert_eq!(browser.go("/names").await.body, "a");
    world.forget_calls();
    browser.go("/load;save").await;
    assert_eq!(world.take_calls(), [Load], "nothing is pending, nothing is sent");
    browser.go("/load;insert=c:3;save;get=c").await;
    assert_eq!(world.take_calls(), [Load, Save], "what was saved is not sent again");
}

/// The blind `update` is a change like others.
pub async fn update_changes_in_place_from_the_default(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let browser = world.browser();
    browser.go("/update=n;update=n").await;
    assert_eq!(browser.go("/update=n;get-number=n").await.body, "3");
}
