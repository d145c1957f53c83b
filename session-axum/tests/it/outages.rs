//! Redis hangs, dies, or is out of reach: 503 in time, the cookie untouched, never an empty session in its place, and
//! everything as it was within a second of its return.

use std::sync::Arc;
use std::time::Duration;

use session_core::SessionManager;
use session_redis::RedisStore;
use session_testkit::adapter::{App, Browser, Handler};
use session_testkit::outage::{IN_TIME, ONE_SECOND};
use session_testkit::{Proxy, RedisServer, Stopwatch, Traffic};

use crate::harness::mount;

struct Outage {
    server: RedisServer,
    proxy: Proxy,
    app: Arc<dyn App>,
}

impl Outage {
    async fn start() -> Self {
        let server = RedisServer::durable();
        let proxy = Proxy::start(server.port()).await;
        let store = RedisStore::connect(format!("redis://127.0.0.1:{}", proxy.port())).await.unwrap();
        let manager = SessionManager::builder(Arc::new(store)).build().unwrap();
        Self { app: mount(manager, Handler::default()), server, proxy }
    }

    /// Requests of every kind during the outage, and then afterwards.
    async fn with(&self, begin: impl FnOnce(&Self), end: impl FnOnce(&Self)) {
        let browser = Browser::new(self.app.clone());
        browser.go("/insert=a:kept").await;
        begin(self);
        let started = Stopwatch::start();
        let paths = [
            "/get=a",
            "/insert=b:1",
            "/load;insert=b:1",
            "/rotate",
            "/sign-in=ann",
            "/invalidate",
            "/take=c",
        ];
        let requests = paths.map(|path| (path, browser.copy()));
        let requests = requests.map(|(path, browser)| (path, browser.start(path)));
        for (path, request) in requests {
            let reply = request.await.unwrap();
            assert_eq!(reply.status, 503, "{path}: {reply:?}");
            assert!(reply.leaves_the_cookie_alone(), "{path}: {reply:?}");
            assert!(started.elapsed() < IN_TIME, "{path}: {:?}", started.elapsed());
        }
        let newcomer = Browser::new(self.app.clone());
        assert_eq!(newcomer.go("/insert=a:1").await.status, 503);
        assert_eq!(browser.go("/").await.status, 200, "a request without a session needs no store");
        end(self);
        let returned = Stopwatch::start();
        while newcomer.go("/insert=a:1").await.status != 200 {
            assert!(returned.elapsed() < ONE_SECOND, "not back within a second");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_a_503_in_time() {
    let outage = Outage::start().await;
    outage.with(|outage| outage.server.stop(), |outage| outage.server.cont()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_a_503_and_its_sessions_are_there_when_it_is_back() {
    let outage = Outage::start().await;
    let browser = Browser::new(outage.app.clone());
    browser.go("/insert=a:kept").await;
    outage.with(|outage| outage.server.kill(), |outage| outage.server.restart()).await;
    assert_eq!(browser.go("/get=a").await.body, "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_forgotten_on_the_way_is_a_503_and_is_replaced() {
    let outage = Outage::start().await;
    let browser = Browser::new(outage.app.clone());
    browser.go("/insert=a:kept").await;
    outage.with(|outage| outage.proxy.set(Traffic::Swallow), |outage| outage.proxy.set(Traffic::Pass)).await;
    assert_eq!(browser.go("/get=a").await.body, "kept");
}

/// CONTRACT, "sent again after an unknown outcome": what may be is done once, the rest is a 503 and done at most once.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_around_a_request_never_doubles_and_never_lies() {
    let outage = Outage::start().await;
    for after in [false, true] {
        for (path, may_be_sent_again) in [
            ("/get=a", true),
            ("/rotate", true),
            ("/sign-in=ann", true),
            ("/invalidate", true),
            ("/insert=b:1", false),
            ("/take=a", false),
            ("/add=n", false),
        ] {
            let browser = Browser::new(outage.app.clone());
            browser.go("/insert=a:kept").await;
            let cuts = outage.proxy.cuts();
            if after {
                outage.proxy.cut_after_next_request()
            } else {
                outage.proxy.cut_before_next_request()
            }
            let reply = browser.go(path).await;
            assert_eq!(outage.proxy.cuts(), cuts + 1, "{path}: the connection was cut");
            assert_eq!(
                reply.status,
                if may_be_sent_again { 200 } else { 503 },
                "{path}, after: {after}: {reply:?}"
            );
            match path {
                "/rotate" | "/sign-in=ann" => assert!(reply.issued().is_some(), "{path}"),
                "/invalidate" => assert!(reply.withdraws(), "{path}"),
                _ => assert!(reply.leaves_the_cookie_alone(), "{path}"),
            }
            let body = browser.go("/get=a;get=b;get-number=n").await.body;
            let done = if after {
                ("-,-,-", "kept,1,-", "-,-,-", "kept,-,1")
            } else {
                ("-,-,-", "kept,-,-", "kept,-,-", "kept,-,-")
            };
            let expected = match path {
                "/invalidate" => done.0,
                "/insert=b:1" => done.1,
                "/take=a" => done.2,
                "/add=n" => done.3,
                _ => "kept,-,-",
            };
            assert_eq!(body, expected, "{path}, after: {after}");
        }
    }
}
