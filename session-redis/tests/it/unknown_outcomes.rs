//! The connection breaks off around each operation: before the server has seen it, and after it has executed it.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Created, Error, ErrorKind, Load, OpId, Renewed, Result, Saved, Select, SessionStore, StoredId, Swapped,
    Taken,
};
use session_redis::RedisStore;
use session_testkit::{Proxy, RedisServer};
use tokio::task::JoinSet;

use crate::support::{NOW, StoreExt as _, connections, counting, digest, id, op, setting, store_at};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    BeforeIt,
    AfterIt,
}

const BOTH: [Cut; 2] = [Cut::BeforeIt, Cut::AfterIt];

struct Line {
    server: RedisServer,
    proxy: Proxy,
    /// Through the proxy.
    store: Arc<RedisStore>,
    /// Not through it.
    direct: RedisStore,
}

impl Line {
    async fn start() -> Self {
        let server = RedisServer::start();
        let proxy = Proxy::start(server.port()).await;
        let store = Arc::new(store_at(proxy.port()).await);
        let direct = store_at(server.port()).await;
        Self { server, proxy, store, direct }
    }

    /// Runs one operation whose connection is cut, and says how often the server was given that command.
    async fn cut<T>(
        &self,
        cut: Cut,
        command: &str,
        operation: impl Future<Output = Result<T>>,
    ) -> (Result<T>, u64) {
        let before = self.server.counters();
        let cuts = self.proxy.cuts();
        match cut {
            Cut::BeforeIt => self.proxy.cut_before_next_request(),
            Cut::AfterIt => self.proxy.cut_after_next_request(),
        }
        let answer = operation.await;
        assert_eq!(self.proxy.cuts(), cuts + 1, "the operation went over the connection that was cut");
        (answer, self.server.counters().since(&before).calls(command))
    }

    /// An operation that may be sent again: it succeeds, and was executed again only if it had been executed.
    async fn succeeds<T>(&self, cut: Cut, command: &str, operation: impl Future<Output = Result<T>>) -> T {
        let (answer, executed) = self.cut(cut, command, operation).await;
        let expected = match cut {
            Cut::BeforeIt => 1,
            Cut::AfterIt => 2,
        };
        assert_eq!(executed, expected, "{cut:?}");
        answer.unwrap()
    }

    /// An operation that must not be sent again: an error, and executed at most once.
    async fn fails<T>(&self, cut: Cut, operation: impl Future<Output = Result<T>>) {
        let (answer, executed) = self.cut(cut, "evalsha", operation).await;
        let expected = match cut {
            Cut::BeforeIt => 0,
            Cut::AfterIt => 1,
        };
        assert_eq!(executed, expected, "{cut:?}");
        assert_eq!(answer.err().map(|error| error.kind()), Some(ErrorKind::Unavailable), "{cut:?}");
    }
}

#[tokio::test]
async fn create_makes_the_session_once() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = id();
        let created = line.succeeds(cut, "evalsha", line.store.create(&id, &counting(), NOW)).await;
        assert_eq!(created, Created::Created);
        assert_eq!(line.direct.value(&id, "n").await.as_deref(), Some("0"));
    }
}

#[tokio::test]
async fn load_finds_the_session() {
    let line = Line::start().await;
    let id = line.store.begin().await;
    for cut in BOTH {
        for (select, command) in [(Select::All, "hgetall"), (Select::Only(&["n"]), "hmget")] {
            let found = line.succeeds(cut, command, line.store.load(&id, select, NOW)).await;
            assert!(matches!(found, Load::Live { .. }));
        }
    }
}

#[tokio::test]
async fn touch_notes_the_use() {
    let line = Line::start().await;
    let id = line.store.begin().await;
    for cut in BOTH {
        let before = line.direct.find(&id).await.unwrap().last_accessed;
        tokio::time::sleep(Duration::from_millis(5)).await;
        line.succeeds(cut, "evalsha", line.store.touch(&id, NOW)).await;
        assert!(line.direct.find(&id).await.unwrap().last_accessed > before);
    }
}

#[tokio::test]
async fn rotate_leaves_the_new_id_and_no_other() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = line.store.begin().await;
        let new = digest();
        let changes = setting("n", "1");
        let rotation = line.store.rotate(&id, &new, &changes, NOW);
        assert_eq!(line.succeeds(cut, "evalsha", rotation).await, Saved::Applied);
        assert_eq!(line.direct.find(&id).await, None);
        let rotated = StoredId::new(*id.handle(), new);
        assert_eq!(line.direct.value(&rotated, "n").await.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn renew_issues_the_new_id() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = line.store.begin().await;
        let new = digest();
        let renewal = line.store.capabilities().renewal.unwrap().renew(&id, &new, NOW);
        assert_eq!(line.succeeds(cut, "evalsha", renewal).await, Renewed::Issued);
        assert!(line.direct.find(&StoredId::new(*id.handle(), new)).await.is_some());
    }
}

#[tokio::test]
async fn showing_a_candidate_finds_the_session() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = line.store.begin().await;
        let new = digest();
        line.store.capabilities().renewal.unwrap().renew(&id, &new, NOW).await.unwrap();
        let shown = StoredId::new(*id.handle(), new);
        let found = line.succeeds(cut, "hgetall", line.store.load(&shown, Select::All, NOW)).await;
        assert!(matches!(found, Load::Live { .. }));
    }
}

#[tokio::test]
async fn delete_finds_its_own_tombstone() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = line.store.begin().await;
        let deletion = line.store.delete(&id, op(), NOW);
        assert_eq!(line.succeeds(cut, "evalsha", deletion).await, Saved::Applied);
        assert_eq!(line.direct.find(&id).await, None);
    }
}

#[tokio::test]
async fn end_ends_the_session() {
    let line = Line::start().await;
    for cut in BOTH {
        let id = line.store.begin().await;
        let op: OpId = op();
        line.succeeds(cut, "evalsha", line.store.end(id.handle(), op)).await;
        assert_eq!(line.direct.find(&id).await, None);
        assert_eq!(
            line.direct.delete(&id, op, NOW).await.unwrap(),
            Saved::Applied,
            "the tombstone is its own"
        );
    }
}

#[tokio::test]
async fn save_is_an_error_and_applied_at_most_once() {
    let line = Line::start().await;
    let mut blind = setting("n", "1");
    blind.touch = true;
    for (cut, left) in [(Cut::BeforeIt, "0"), (Cut::AfterIt, "1")] {
        for changes in [setting("n", "1"), blind.clone()] {
            let id = line.store.begin().await;
            line.fails(cut, line.store.save(&id, &changes, NOW)).await;
            assert_eq!(line.direct.value(&id, "n").await.as_deref(), Some(left), "{cut:?}");
            assert_eq!(line.store.save(&id, &setting("n", "2"), NOW).await.unwrap(), Saved::Applied);
        }
    }
}

#[tokio::test]
async fn take_is_an_error_and_hands_the_value_to_nobody() {
    let line = Line::start().await;
    for (cut, left) in [(Cut::BeforeIt, Taken::Value("0".into())), (Cut::AfterIt, Taken::Nothing)] {
        let id = line.store.begin().await;
        line.fails(cut, line.store.take(&id, "n", NOW)).await;
        assert_eq!(line.store.take(&id, "n", NOW).await.unwrap(), left, "{cut:?}");
    }
}

#[tokio::test]
async fn replace_if_is_an_error_and_applied_at_most_once() {
    let line = Line::start().await;
    for (cut, left) in [(Cut::BeforeIt, "0"), (Cut::AfterIt, "1")] {
        let id = line.store.begin().await;
        line.fails(cut, line.store.replace_if(&id, "n", Some(b"0"), Some(b"1"), NOW)).await;
        assert_eq!(line.direct.value(&id, "n").await.as_deref(), Some(left), "{cut:?}");
        let again = line.store.replace_if(&id, "n", Some(left.as_bytes()), Some(b"2"), NOW).await;
        assert_eq!(again.unwrap(), Swapped::Applied);
    }
}

/// Nothing was sent: so what must not be sent twice can be sent.
#[tokio::test]
async fn on_a_connection_that_is_known_to_be_broken_every_operation_succeeds() {
    let line = Line::start().await;
    let id = line.store.begin().await;
    for (value, round) in [("1", 1), ("2", 2)] {
        line.proxy.cut();
        noticed().await;
        assert_eq!(line.store.save(&id, &setting("n", value), NOW).await.unwrap(), Saved::Applied);
        line.proxy.cut();
        noticed().await;
        let swapped = line.store.replace_if(&id, "n", Some(value.as_bytes()), Some(b"9"), NOW).await;
        assert_eq!(swapped.unwrap(), Swapped::Applied, "round {round}");
        line.proxy.cut();
        noticed().await;
        assert_eq!(line.store.take(&id, "n", NOW).await.unwrap(), Taken::Value("9".into()));
    }
}

#[tokio::test]
async fn all_who_wait_share_one_reconnect() {
    let line = Line::start().await;
    let id = line.store.begin().await;
    let before = connections(&line.server);
    line.proxy.cut();
    noticed().await;
    let mut operations = JoinSet::new();
    for _ in 0..64 {
        let (store, id) = (Arc::clone(&line.store), id.clone());
        operations.spawn(async move { store.load(&id, Select::All, NOW).await.unwrap() });
    }
    for found in operations.join_all().await {
        assert!(matches!(found, Load::Live { .. }));
    }
    assert_eq!(connections(&line.server), before + 1);
}

/// The connection's own task has seen the end of it.
async fn noticed() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn an_operation_that_was_polled_once_is_on_its_way() {
    let line = Line::start().await;
    let id = line.direct.begin().await;
    let changes = setting("n", "1");
    let mut save = line.direct.save(&id, &changes, NOW);
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(save.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    while line.store.value(&id, "n").await.as_deref() != Some("1") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(save.await.unwrap(), Saved::Applied);
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let line = Line::start().await;
    let id = line.direct.begin().await;
    let flush = || line.server.query::<()>(&["SCRIPT", "FLUSH"]);
    flush();
    assert_eq!(line.direct.save(&id, &setting("n", "1"), NOW).await.unwrap(), Saved::Applied);
    flush();
    assert_eq!(line.direct.take(&id, "n", NOW).await.unwrap(), Taken::Value("1".into()));
    flush();
    assert_eq!(line.direct.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
}

/// The text of an error shows nothing of what was sent.
#[tokio::test]
async fn an_error_holds_no_value() {
    let line = Line::start().await;
    let id = line.store.begin().await;
    line.proxy.cut_before_next_request();
    let error: Error = line.store.save(&id, &setting("n", "hunter2"), NOW).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("hunter2") && !text.contains(&id.handle().to_string()), "{text}");
}
