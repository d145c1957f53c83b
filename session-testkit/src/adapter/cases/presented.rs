//! What clients present: rule 10, and what never gets as far.

use crate::Operation::{Create, Load};
use crate::adapter::{AdapterHarness, Request, World};

/// SECURITY rows 7, 33: malformed ids.
pub async fn what_is_no_id_never_reaches_the_store(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let visitor = world.visitor().await;
    let id = visitor.cookie().unwrap();
    let not_canonical = format!("{}{}", &id[..42], if id.ends_with('B') { 'C' } else { 'B' });
    for value in [
        "",
        "x",
        &id[..42],
        &format!("{id}A"),
        &format!("{id}="),
        &format!("\"{id}\""),
        &id.replace(|_: char| true, "+"),
        &"é".repeat(22),
        &not_canonical,
        &"A".repeat(8000),
        &"../".repeat(14),
        "__Host-id=__Host-id",
    ] {
        for path in ["/get=a;exists", "/remove=a", "/take=a", "/invalidate"] {
            let reply = world.send(Request::new(path).cookie(Some(value))).await;
            assert_eq!(reply.status, 200, "{value}");
            assert!(reply.leaves_the_cookie_alone());
            assert_eq!(world.take_calls(), [], "{path} with {value:?}");
        }
    }
    for header in ["=__Host-id", "__host-id", "__%48ost-id", "__Host-id ", "x__Host-id"] {
        world.send(Request::new("/load").header("cookie", format!("{header}={id}"))).await;
        assert_eq!(world.take_calls(), [], "{header}");
    }
}

/// SECURITY row 3: one wrong character and it is nobody's.
pub async fn an_id_with_one_character_changed_is_nobodys(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let visitor = world.visitor().await;
    let id = visitor.cookie().unwrap();
    for at in [0, 21, 22, 41] {
        let other = if id.as_bytes()[at] == b'A' { "B" } else { "A" };
        let forged = [&id[..at], other, &id[at + 1..]].concat();
        let reply = world.send(Request::new("/get=a;exists").cookie(Some(&forged))).await;
        assert_eq!(reply.body, "-,false", "character {at}");
    }
}

/// SECURITY row 64: the namespace is part of the digest.
pub async fn an_id_of_one_namespace_is_worth_nothing_in_another(harness: &dyn AdapterHarness) {
    let shop = World::new(harness).await;
    let handler = crate::adapter::Handler::default();
    let admin = session_core::SessionManager::builder(shop.store()).namespace("admin").build().unwrap();
    let admin = harness.mount(admin, handler);
    let id = shop.visitor().await.cookie().unwrap();
    let reply = admin.call(Request::new("/get=a").cookie(Some(&id))).await.unwrap();
    assert_eq!(reply.body, "-");
}

/// RFC 6265bis, 4.2.1: several Cookie headers, as HTTP/2 sends them (SECURITY row 31).
pub async fn the_cookie_is_found_in_any_of_several_headers(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let id = world.visitor().await.cookie().unwrap();
    let request =
        Request::new("/get=a").header("cookie", "theme=dark").header("cookie", format!("__Host-id={id}"));
    assert_eq!(world.send(request.header("cookie", "a=b; c=d")).await.body, "before");
}

/// Rule 10; SECURITY row 32.
pub async fn of_several_cookies_the_live_one_is_the_session_wherever_it_stands(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let live = world.visitor().await.cookie().unwrap();
    let (dead, forged) = ("A".repeat(43), format!("B{}", "A".repeat(42)));
    for cookies in [[&dead, &live, &forged], [&live, &dead, &forged], [&dead, &forged, &live]] {
        let header = cookies.map(|id| format!("__Host-id={id}")).join("; ");
        let reply = world.send(Request::new("/get=a").header("cookie", &header)).await;
        assert_eq!(reply.body, "before");
        assert_eq!(world.take_calls(), [Load; 3], "all in one trip");
        let reply = world.send(Request::new("/insert=b:1").header("cookie", &header)).await;
        assert_eq!(reply.status, 200);
        assert!(reply.leaves_the_cookie_alone());
        assert!(!world.take_calls().contains(&Create), "no blind write, no second session");
    }
    let twice = format!("__Host-id={live}; __Host-id={live}");
    world.send(Request::new("/get=a").header("cookie", twice)).await;
    assert_eq!(world.take_calls(), [Load], "the same id twice is one");
}

/// Rule 10: none live is no session.
pub async fn of_several_dead_cookies_a_change_begins_a_session(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let header = format!("__Host-id={}; __Host-id=B{}", "A".repeat(43), "A".repeat(42));
    let reply = world.send(Request::new("/insert=a:1").header("cookie", header)).await;
    assert!(reply.issued().is_some());
    assert_eq!(world.take_calls(), [Load, Load, Create]);
}

/// Rule 10: several live ones.
pub async fn of_several_live_cookies_none_is_used_and_only_a_sign_in_resolves_it(
    harness: &dyn AdapterHarness,
) {
    let world = World::new(harness).await;
    let (one, other) = (world.visitor().await.cookie().unwrap(), world.visitor().await.cookie().unwrap());
    let header = format!("__Host-id={one}; __Host-id={other}");
    let ask = |path: &str| world.send(Request::new(path).header("cookie", &header));
    assert_eq!(ask("/get=a;exists").await.body, "-,false");
    for path in [
        "/insert=b:1",
        "/load;insert=b:1",
        "/take=a",
        "/add=n",
        "/rotate",
        "/invalidate",
        "/load;remove=a",
        "/detach",
    ] {
        let reply = ask(path).await;
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.leaves_the_cookie_alone(), "{path}");
    }
    let reply = ask("/sign-in=ann;names;principal").await;
    assert_eq!(reply.body, ",ann".trim_start_matches(','), "a fresh session");
    assert!(reply.issued().is_some_and(|id| id != one && id != other));
    for id in [&one, &other] {
        assert_eq!(world.send(Request::new("/names").cookie(Some(id))).await.body, "a", "untouched");
    }
}

/// A client with ever more cookies of the name costs no more than four look-ups.
pub async fn no_more_than_four_candidates_are_looked_up(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    let cookies: Vec<_> =
        (b'A'..=b'Z').map(|c| format!("__Host-id={}{}", char::from(c), "A".repeat(42))).collect();
    world.send(Request::new("/load").header("cookie", cookies.join("; "))).await;
    assert_eq!(world.take_calls(), [Load; 4]);
}
