//! What is axum's own: extractors, rejections, layers in layers.

use std::sync::Arc;

use axum::Router;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::get;
use session_axum::{Error, LazySession, Result, Session, SessionLayer};
use session_core::{CookieResolver, ErrorKind, HeaderResolver, SessionManager};
use session_memory::MemoryStore;
use session_testkit::adapter::{App as _, Browser, Request};
use session_testkit::{Fault, FaultyStore, Operation, SpyStore};
use tower::Layer as _;

use crate::harness::Axum;

fn manager() -> Arc<SessionManager> {
    SessionManager::builder(Arc::new(MemoryStore::new())).build().unwrap()
}

fn app(router: Router) -> Arc<Axum> {
    Arc::new(Axum(router))
}

#[tokio::test]
async fn without_a_layer_every_extractor_answers_500() {
    let router = Router::new()
        .route("/session", get(|_: Session| async {}))
        .route("/lazy", get(|_: LazySession| async {}))
        .route("/option", get(|_: Option<Session>| async {}));
    let browser = Browser::new(app(router));
    for path in ["/session", "/lazy", "/option"] {
        assert_eq!(browser.go(path).await.status, 500, "{path}");
    }
}

#[tokio::test]
async fn an_optional_session_is_none_until_one_lives() {
    let router = Router::new()
        .route("/", get(async |session: Option<Session>| session.is_some().to_string()))
        .route("/in", get(async |session: Session| session.sign_in("ann").await.map_err(Error::from)))
        .route("/out", get(async |session: Session| session.invalidate().await.map_err(Error::from)))
        .layer(SessionLayer::new(manager()));
    let browser = Browser::new(app(router));
    assert_eq!(browser.go("/").await.body, "false");
    browser.go("/in").await;
    assert_eq!(browser.go("/").await.body, "true");
    let old = browser.copy();
    browser.go("/out").await;
    assert_eq!(old.go("/").await.body, "false", "also over a tombstone");
}

#[tokio::test]
async fn a_store_that_fails_rejects_an_optional_session_with_503() {
    let faults = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
    let manager = SessionManager::builder(faults.clone()).build().unwrap();
    let router = Router::new()
        .route("/", get(async |session: Option<Session>| session.is_some().to_string()))
        .route("/in", get(async |session: Session| session.insert("a", &1).map_err(Error::from)))
        .layer(SessionLayer::new(manager));
    let browser = Browser::new(app(router));
    browser.go("/in").await;
    faults.next(Operation::Load, Fault::FailBefore(ErrorKind::Unavailable));
    let reply = browser.go("/").await;
    assert_eq!(reply.status, 503);
    assert!(reply.leaves_the_cookie_alone());
    assert_eq!(browser.go("/").await.body, "true");
}

#[tokio::test]
async fn extractors_of_one_request_share_one_session_and_one_load() {
    async fn handler(session: Session, again: Session, lazy: LazySession) -> Result<String> {
        session.insert("a", &1)?;
        lazy.remove("b")?;
        Ok(format!("{:?}", again.get::<u8>("a")?))
    }
    let spy = Arc::new(SpyStore::new(Arc::new(MemoryStore::new())));
    let manager = SessionManager::builder(spy.clone()).build().unwrap();
    let browser = Browser::new(app(Router::new().route("/", get(handler)).layer(SessionLayer::new(manager))));
    browser.go("/").await;
    assert_eq!(spy.reset(), [Operation::Create]);
    assert_eq!(browser.go("/").await.body, "Some(1)");
    assert_eq!(spy.reset(), [Operation::Load, Operation::Save]);
}

#[tokio::test]
async fn a_layer_around_the_whole_router_gives_its_handlers_their_session() {
    async fn count(session: Session) -> Result<String> {
        let count = session.get::<u32>("count")?.unwrap_or_default() + 1;
        session.insert("count", &count)?;
        Ok(count.to_string())
    }
    let routes = Router::new().route("/", get(count)).with_state(());
    let browser = Browser::new(Arc::new(Axum(SessionLayer::new(manager()).layer(routes))));
    for count in ["1", "2"] {
        assert_eq!(browser.go("/").await.body, count);
    }
    assert_eq!(browser.go("/elsewhere").await.status, 404);
}

#[tokio::test]
async fn of_two_layers_of_one_manager_the_inner_passes_through() {
    let (spy, layer) = {
        let spy = Arc::new(SpyStore::new(Arc::new(MemoryStore::new())));
        let manager = SessionManager::builder(spy.clone()).build().unwrap();
        (spy, SessionLayer::new(manager))
    };
    let router = Router::new()
        .route("/", get(async |session: Session| session.insert("a", &1).map_err(Error::from)))
        .layer(layer.clone())
        .layer(layer);
    let reply = Browser::new(app(router)).go("/").await;
    assert!(reply.issued().is_some());
    assert_eq!(reply.all("vary").len(), 1);
    assert_eq!(spy.reset(), [Operation::Create]);
}

#[tokio::test]
async fn two_managers_with_one_cookie_name_are_refused_and_with_two_names_live_side_by_side() {
    async fn handler(session: Session) -> Result<()> {
        Ok(session.insert("a", &1)?)
    }
    let with_cookie = |name: &str| {
        let resolver = CookieResolver::builder().name(name).build().unwrap();
        let store = Arc::new(MemoryStore::new());
        SessionLayer::new(SessionManager::builder(store).resolver(resolver).build().unwrap())
    };
    let router = |outer: &str| {
        let router = Router::new().route("/", get(handler)).layer(with_cookie("__Host-id"));
        Browser::new(app(router.layer(with_cookie(outer))))
    };
    let refused = router("__Host-id").go("/").await;
    assert_eq!(refused.status, 500);
    assert!(refused.leaves_the_cookie_alone());
    assert!(
        router("__Host-other").go("/").await.issued().is_some(),
        "the inner layer's session is the handler's"
    );
}

#[tokio::test]
async fn the_handlers_own_cookies_stay_and_one_of_the_sessions_name_goes() {
    async fn handler(session: Session) -> Result<impl IntoResponse> {
        session.insert("a", &1)?;
        let cookies =
            [(SET_COOKIE, "theme=dark"), (SET_COOKIE, "__Host-id=forged; Path=/"), (SET_COOKIE, "b=2")];
        Ok((AppendHeaders(cookies), [("cache-control", "public, max-age=60"), ("vary", "accept")]))
    }
    let router = Router::new().route("/", get(handler)).layer(SessionLayer::new(manager()));
    let reply = Browser::new(app(router)).go("/").await;
    let id = reply.issued().expect("one session cookie, not the forged one");
    assert_ne!(id, "forged");
    assert_eq!(reply.all("set-cookie")[..2], ["theme=dark", "b=2"]);
    assert_eq!(reply.all("cache-control"), ["no-store"]);
    assert_eq!(reply.all("vary"), ["accept", "cookie"]);
}

#[tokio::test]
async fn a_header_resolver_carries_the_id_without_cookies() {
    let resolver = HeaderResolver::new("X-Auth-Token").unwrap();
    let manager = SessionManager::builder(Arc::new(MemoryStore::new())).resolver(resolver).build().unwrap();
    let router = Router::new()
        .route("/set", get(async |session: Session| session.insert("a", &1).map_err(Error::from)))
        .route("/get", get(async |session: Session| format!("{:?}", session.get::<u8>("a").unwrap())))
        .route("/out", get(async |session: Session| session.invalidate().await.map_err(Error::from)))
        .layer(SessionLayer::new(manager));
    let app = app(router);
    let reply = app.call(Request::new("/set")).await.unwrap();
    let id = reply.all("x-auth-token").concat();
    assert_eq!(
        (id.len(), reply.all("vary"), reply.all("cache-control")),
        (43, vec!["x-auth-token"], vec!["no-store"])
    );
    assert!(reply.all("set-cookie").is_empty());
    let reply = app.call(Request::new("/get").header("x-auth-token", &id)).await.unwrap();
    assert_eq!((&*reply.body, reply.all("x-auth-token").len()), ("Some(1)", 0));
    assert_eq!(app.call(Request::new("/get").cookie(Some(&id))).await.unwrap().body, "None");
    let reply = app.call(Request::new("/out").header("x-auth-token", &id)).await.unwrap();
    assert_eq!(reply.all("x-auth-token"), [""]);
}

#[test]
fn an_error_is_a_response_that_tells_no_cause() {
    for (kind, status) in [
        (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        (ErrorKind::Timeout, StatusCode::SERVICE_UNAVAILABLE),
        (ErrorKind::ReadOnly, StatusCode::SERVICE_UNAVAILABLE),
        (ErrorKind::Gone, StatusCode::CONFLICT),
        (ErrorKind::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
        (ErrorKind::Undecodable, StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let error = session_core::Error::new(kind, "redis://10.0.0.1 said no");
        let response = Error::from(error).into_response();
        assert_eq!(response.status(), status);
        let headers: &HeaderMap = response.headers();
        assert!(headers.get(SET_COOKIE).is_none());
    }
}
