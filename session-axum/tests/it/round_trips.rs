//! What a request costs, by Redis' own counters.

use std::sync::Arc;
use std::time::Duration;

use session_core::{ManagerBuilder, SessionManager};
use session_redis::RedisStore;
use session_testkit::adapter::{Browser, Handler};
use session_testkit::{Counters, RedisServer};

use crate::harness::mount;

struct Costs {
    server: RedisServer,
    browser: Browser,
}

impl Costs {
    async fn start(set: impl FnOnce(ManagerBuilder) -> ManagerBuilder) -> Self {
        let server = RedisServer::start();
        let store = RedisStore::connect(server.url()).await.unwrap();
        let manager = set(SessionManager::builder(Arc::new(store))).build().unwrap();
        let browser = Browser::new(mount(manager, Handler::default()));
        Self { server, browser }
    }

    /// The round trips of one request, which must be answered 200.
    async fn of(&self, path: &str) -> u64 {
        self.counted(path).await.reads
    }

    async fn counted(&self, path: &str) -> Counters {
        let before = self.server.counters();
        let reply = self.browser.go(path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        self.server.counters().since(&before)
    }
}

#[tokio::test]
async fn a_request_costs_as_few_round_trips_as_can_be() {
    let costs = Costs::start(|builder| builder).await;
    for (path, round_trips) in [
        ("/", 0),
        ("/insert=v:1", 1),
        ("/", 0),
        ("/get=v", 1),
        ("/fetch=v", 1),
        ("/only=u+v:v;only=v:v;fetch=u", 1),
        ("/only=u:u;only=v:v", 2),
        ("/get=v;insert=n:1", 2),
        ("/insert=n:2;remove=v", 1),
        ("/load;rotate", 2),
        ("/rotate", 1),
        ("/load;sign-in=ann", 3),
        ("/sign-in=ann", 2),
        ("/take=n", 1),
        ("/load;invalidate", 3),
        ("/insert=v:1", 1),
        ("/invalidate", 1),
        ("/sign-in=ann", 3),
    ] {
        assert_eq!(costs.of(path).await, round_trips, "{path}");
    }
}

#[tokio::test]
async fn a_change_of_one_of_20_attributes_of_512_bytes_sends_no_more_than_800() {
    let costs = Costs::start(|builder| builder).await;
    let big: Vec<String> = (0..20).map(|n| format!("insert-large=attr{n:02}:510")).collect();
    costs.of(&format!("/{}", big.join(";"))).await;
    for (path, most) in [
        ("/insert-large=attr07:510", 800),
        ("/only=attr08:attr08;insert-large=attr07:510", 850),
        ("/fetch=attr07", 150),
        ("/only=attr07+attr08+attr09:attr08", 200),
        ("/remove=attr07", 300),
    ] {
        let sent = costs.counted(path).await.received;
        assert!(sent <= most, "{path}: {sent} bytes");
    }
}

#[tokio::test]
async fn a_touch_that_is_due_is_one_round_trip_more_and_rides_on_a_change() {
    let costs = Costs::start(|builder| builder.touch(Duration::ZERO)).await;
    costs.of("/insert=v:1").await;
    for (path, round_trips) in [("/get=v", 2), ("/get=v;insert=n:1", 2), ("/insert=n:2", 1)] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(costs.of(path).await, round_trips, "{path}");
    }
}
