//! What each operation costs, by the server's own counters.

use std::time::Duration;

use session_core::{
    Access, Created, Expiry, Load, NewRecord, Renewed, Saved, Select, SessionStore, StoredId, Swapped, Taken,
};
use session_redis::RedisStore;
use session_testkit::{Counters, RedisServer};

use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting, store_at};

struct Costs {
    server: RedisServer,
    store: RedisStore,
}

impl Costs {
    async fn start() -> Self {
        let server = RedisServer::start();
        let store = store_at(server.port()).await;
        Self { server, store }
    }

    /// What the server did for one operation, and its answer.
    async fn of<T>(&self, operation: impl Future<Output = session_core::Result<T>>) -> (T, Counters) {
        let before = self.server.counters();
        let answer = operation.await.unwrap();
        (answer, self.server.counters().since(&before))
    }

    /// The answer of an operation that must be one round trip of one script.
    async fn one_script<T>(&self, operation: impl Future<Output = session_core::Result<T>>) -> T {
        let (answer, cost) = self.of(operation).await;
        assert_eq!((cost.reads, cost.calls("evalsha")), (1, 1), "{cost:?}");
        answer
    }
}

#[tokio::test]
async fn every_write_is_one_round_trip_of_one_script() {
    let costs = Costs::start().await;
    let store = &costs.store;
    let id = id();
    assert_eq!(costs.one_script(store.create(&id, &counting(), NOW)).await, Created::Created);
    assert_eq!(costs.one_script(store.save(&id, &setting("a", "1"), NOW)).await, Saved::Applied);
    let mut blind = setting("b", "1");
    blind.touch = true;
    blind.idle = Some(Some(Duration::from_secs(60)));
    assert_eq!(costs.one_script(store.save(&id, &blind, NOW)).await, Saved::Applied);
    costs.one_script(store.touch(&id, NOW)).await;
    assert_eq!(costs.one_script(store.take(&id, "a", NOW)).await, Taken::Value("1".into()));
    let swapped = costs.one_script(store.replace_if(&id, "b", Some(b"1"), Some(b"2"), NOW)).await;
    assert_eq!(swapped, Swapped::Applied);
    let renewal = store.capabilities().renewal.unwrap();
    assert_eq!(costs.one_script(renewal.renew(&id, &digest(), NOW)).await, Renewed::Issued);
    let new = digest();
    assert_eq!(costs.one_script(store.rotate(&id, &new, &setting("c", "1"), NOW)).await, Saved::Applied);
    let id = StoredId::new(*id.handle(), new);
    assert_eq!(costs.one_script(store.delete(&id, op(), NOW)).await, Saved::Applied);
    costs.one_script(store.end(id.handle(), op())).await;
}

#[tokio::test]
async fn a_save_without_a_touch_does_nothing_but_compare_and_write() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let mut changes = setting("a", "1");
    changes.remove("n");
    let (_, cost) = costs.of(costs.store.save(&id, &changes, NOW)).await;
    let calls: Vec<_> = cost.calls.iter().map(|(command, calls)| (command.as_str(), *calls)).collect();
    assert_eq!(calls, [("evalsha", 1), ("hdel", 1), ("hget", 1), ("hset", 1)]);
}

#[tokio::test]
async fn the_end_is_written_only_when_it_moves() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let mut blind = setting("a", "1");
    blind.touch = true;
    let (_, cost) = costs.of(costs.store.save(&id, &blind, NOW)).await;
    assert_eq!(cost.calls("pexpireat"), 0, "{cost:?}");

    let eager = Access::new(Duration::ZERO, Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let idle = Some(Some(Duration::from_secs(3600)));
    let mut exact = setting("a", "1");
    exact.idle = idle;
    costs.store.save(&id, &exact, eager).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let (_, cost) = costs.of(costs.store.save(&id, &blind, eager)).await;
    assert_eq!(cost.calls("pexpireat"), 1, "{cost:?}");
}

#[tokio::test]
async fn every_load_is_one_plain_command() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let selections =
        [(Select::All, "hgetall"), (Select::Only(&["n", "m"]), "hmget"), (Select::Metadata, "hmget")];
    for (select, command) in selections {
        let (found, cost) = costs.of(costs.store.load(&id, select, NOW)).await;
        assert!(matches!(found, Load::Live { .. }));
        let calls: Vec<_> = cost.calls.iter().map(|(command, calls)| (command.as_str(), *calls)).collect();
        assert_eq!((cost.reads, calls), (1, vec![(command, 1)]));
    }
}

#[tokio::test]
async fn a_load_of_nothing_or_of_what_was_ended_is_one_round_trip_too() {
    let costs = Costs::start().await;
    let ended = costs.store.begin().await;
    costs.store.delete(&ended, op(), NOW).await.unwrap();
    for (id, expected) in [(id(), Load::Absent), (ended, Load::Gone)] {
        for select in [Select::All, Select::Only(&["n"]), Select::Metadata] {
            let (found, cost) = costs.of(costs.store.load(&id, select, NOW)).await;
            assert_eq!((found, cost.reads), (expected.clone(), 1));
        }
    }
}

#[tokio::test]
async fn showing_a_candidate_costs_one_round_trip_more_and_only_once() {
    let costs = Costs::start().await;
    let id = costs.store.begin().await;
    let new = digest();
    costs.store.capabilities().renewal.unwrap().renew(&id, &new, NOW).await.unwrap();
    let renewed = StoredId::new(*id.handle(), new);
    for reads in [2, 1] {
        let (found, cost) = costs.of(costs.store.load(&renewed, Select::All, NOW)).await;
        assert!(matches!(found, Load::Live { .. }));
        assert_eq!(cost.reads, reads, "{cost:?}");
    }
}

#[tokio::test]
async fn an_expired_session_is_not_served_even_where_redis_kept_it() {
    let costs = Costs::start().await;
    let id = id();
    let new = NewRecord::new(Expiry::idle(Duration::from_millis(40)).unwrap());
    costs.store.create(&id, &new, NOW).await.unwrap();
    let key = format!("session:sessions:{}", id.handle());
    costs.server.query::<()>(&["PERSIST", &key]);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(costs.server.query::<u32>(&["EXISTS", &key]), 1);
    for select in [Select::All, Select::Only(&["n"]), Select::Metadata] {
        assert_eq!(costs.store.load(&id, select, NOW).await.unwrap(), Load::Absent);
    }
}
