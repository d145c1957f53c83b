//! The server hangs, dies, throws connections out or is out of reach: every operation answers in time all the same,
//! succeeds as soon as the server is back, and what was acknowledged is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use session_core::{ErrorKind, Renewed, Saved, Select, SessionStore, StoredId, Swapped, Taken};
use session_sql::SqlStore;
use session_testkit::outage::{
    IN_TIME, begin_all, every_operation, fail_in_time, is_over, lasts_long, succeed, timed,
};
use session_testkit::{MariaDbServer, PostgresServer, Proxy, Traffic};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting};

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_hangs() {
    let server = PostgresServer::start();
    let store = SqlStore::connect(server.url(&server.database())).await.unwrap();
    lasts_long(Arc::new(store), || server.stop(), || server.cont()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_dies_and_comes_back() {
    let server = PostgresServer::durable();
    let store = SqlStore::connect(server.url(&server.database())).await.unwrap();
    lasts_long(Arc::new(store), || server.kill(), || server.restart()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything() {
    let server = PostgresServer::start();
    let url = server.url(&server.database());
    let proxy = Proxy::start(server.port()).await;
    let through = url.replace(&server.port().to_string(), &proxy.port().to_string());
    let store = SqlStore::connect(through).await.unwrap();
    lasts_long(Arc::new(store), || proxy.set(Traffic::Swallow), || proxy.set(Traffic::Pass)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_hangs_and_one_that_dies() {
    let server = MariaDbServer::durable();
    let store = Arc::new(SqlStore::connect(server.url(&server.database())).await.unwrap());
    lasts_long(store.clone(), || server.stop(), || server.cont()).await;
    lasts_long(store, || server.kill(), || server.restart()).await;
}

/// Somebody who changes a session again and again, and what of it was acknowledged.
struct User {
    task: JoinHandle<(StoredId, u32)>,
}

impl User {
    fn start(store: &Arc<SqlStore>, over: &Arc<AtomicBool>) -> Self {
        let (store, over) = (Arc::clone(store), Arc::clone(over));
        let task = tokio::spawn(async move {
            let id = store.begin().await;
            let (mut acknowledged, mut next) = (0, 0);
            while !over.load(Ordering::Relaxed) {
                next += 1;
                let changes = setting("count", &next.to_string());
                let outcome = timed("save", async {
                    match store.save(&id, &changes, NOW).await? {
                        Saved::Applied => acknowledged = next,
                        dead => panic!("the session is {dead:?}"),
                    }
                    Ok(())
                });
                let outcome = outcome.await;
                assert!(outcome.elapsed < IN_TIME, "a save took {:?}", outcome.elapsed);
                if outcome.error.is_some() {
                    sleep(Duration::from_millis(20)).await;
                }
            }
            (id, acknowledged)
        });
        Self { task }
    }
}

/// What was acknowledged is there, or something later.
async fn nothing_is_lost(store: &SqlStore, users: Vec<User>) {
    for user in users {
        let (id, acknowledged) = user.task.await.unwrap();
        let count: u32 = store.value(&id, "count").await.unwrap().parse().unwrap();
        assert!(acknowledged > 10, "only {acknowledged} changes were acknowledged");
        assert!(count >= acknowledged, "{count} is there, and {acknowledged} was acknowledged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_when_postgresql_dies_under_load() {
    let server = PostgresServer::durable();
    let store = Arc::new(SqlStore::connect(server.url(&server.database())).await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let users = (0..8).map(|_| User::start(&store, &over)).collect();
    for round in 0..4 {
        sleep(Duration::from_millis(400)).await;
        if round % 2 == 0 {
            server.kill()
        } else {
            server.shut_down()
        }
        sleep(Duration::from_millis(200)).await;
        server.restart();
        is_over(&*store).await;
    }
    over.store(true, Ordering::Relaxed);
    nothing_is_lost(&store, users).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_change_is_lost_when_mariadb_dies_under_load() {
    let server = MariaDbServer::durable();
    let store = Arc::new(SqlStore::connect(server.url(&server.database())).await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let users = (0..8).map(|_| User::start(&store, &over)).collect();
    for _ in 0..2 {
        sleep(Duration::from_millis(400)).await;
        server.kill();
        server.restart();
        is_over(&*store).await;
    }
    over.store(true, Ordering::Relaxed);
    nothing_is_lost(&store, users).await;
}

const THROW_OUT_ALL_OTHERS: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_does_not_notice_that_the_server_throws_connections_out() {
    let server = PostgresServer::start();
    let database = server.database();
    let store = Arc::new(SqlStore::connect(server.url(&database)).await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let users = (0..4).map(|_| User::start(&store, &over)).collect();
    let id = store.begin().await;
    let reads: Arc<[AtomicU32; 4]> = Arc::default();
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (store, over, id, reads) =
                (Arc::clone(&store), Arc::clone(&over), id.clone(), Arc::clone(&reads));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(store.value(&id, "n").await.as_deref(), Some("0"));
                    reads[reader].fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..10 {
        // A read is sent again once: it must have been answered before it may be hit again.
        let before = reads.each_ref().map(|reads| reads.load(Ordering::Relaxed));
        let go_on = |(reads, before): (&AtomicU32, u32)| reads.load(Ordering::Relaxed) > before + 1;
        while !reads.iter().zip(before).all(go_on) && !readers.iter().any(JoinHandle::is_finished) {
            sleep(Duration::from_millis(20)).await;
        }
        assert_ne!(server.query(&database, THROW_OUT_ALL_OTHERS), "0");
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    nothing_is_lost(&store, users).await;
}

/// One finds out that its connection is broken; the others look at theirs before they use them, or take new ones.
#[tokio::test(flavor = "multi_thread")]
async fn after_one_broken_connection_the_others_are_doubted_before_their_next_use() {
    let server = PostgresServer::shared();
    for has_own_connections in [true, false] {
        let database = server.database();
        let url = server.url(&database);
        let builder = if has_own_connections {
            SqlStore::builder(url)
        } else {
            let pool = sqlx::postgres::PgPoolOptions::new().max_connections(10).test_before_acquire(false);
            SqlStore::builder(pool.connect(&url).await.unwrap())
        };
        let store = Arc::new(builder.budget(PATIENCE).connect().await.unwrap());
        let ids = begin_all(&*store).await;
        open_a_connection_each(&server, &database, &store, &ids).await;
        let ended: usize = server.query(&database, THROW_OUT_ALL_OTHERS).parse().unwrap();
        assert!(ended >= ids.len(), "{ended} connections were open");
        store.load(&ids[0], Select::All, NOW).await.unwrap();
        succeed(&every_operation(&*store, &ids).await);
    }
}

const LAST_USED: &str = "SELECT pid, backend_start FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY query_start DESC LIMIT 1";

/// The server may be about to end the others, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_goes_by_a_new_connection() {
    let server = PostgresServer::shared();
    let database = server.database();
    let store = SqlStore::builder(server.url(&database)).budget(PATIENCE).connect().await.unwrap();
    let store = Arc::new(store);
    let ids = begin_all(&*store).await;
    open_a_connection_each(&server, &database, &store, &ids).await;
    store.load(&ids[0], Select::All, NOW).await.unwrap();
    let before = server.query(&database, "SELECT clock_timestamp()");
    server.query(&database, &format!("SELECT pg_terminate_backend(pid) FROM ({LAST_USED}) AS used"));
    store.load(&ids[0], Select::All, NOW).await.unwrap();
    let is_new = format!("SELECT backend_start > '{before}' FROM ({LAST_USED}) AS used");
    assert_eq!(server.query(&database, &is_new), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cancelled_speaks_against_no_connection_but_its_own() {
    let server = PostgresServer::shared();
    let database = server.database();
    let url = server.url(&database);
    let store = Arc::new(SqlStore::builder(url.clone()).budget(PATIENCE).connect().await.unwrap());
    let ids = begin_all(&*store).await;
    open_a_connection_each(&server, &database, &store, &ids).await;
    let before = server.query(&database, "SELECT clock_timestamp()");
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM http_session FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let (saving, id) = (Arc::clone(&store), ids[0].clone());
    let saved = tokio::spawn(async move { saving.save(&id, &setting("a", "2"), NOW).await });
    let cancel = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while server.query(&database, cancel) == "0" {
        assert!(!saved.is_finished(), "the save did not wait");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(saved.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    drop(transaction);
    pool.close().await;
    store.load(&ids[0], Select::All, NOW).await.unwrap();
    let is_old = format!("SELECT backend_start < '{before}' FROM ({LAST_USED}) AS used");
    assert_eq!(server.query(&database, &is_old), "t");
}

/// What is not about the budget: a busy machine must not use it up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A save of each session waits for somebody who holds them all.
async fn open_a_connection_each(
    server: &PostgresServer,
    database: &str,
    store: &Arc<SqlStore>,
    ids: &[StoredId],
) {
    let pool = sqlx::PgPool::connect(&server.url(database)).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM http_session FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let mut saves = JoinSet::new();
    for id in ids {
        let (store, id) = (Arc::clone(store), id.clone());
        saves.spawn(async move { store.save(&id, &setting("a", "1"), NOW).await.unwrap() });
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while server.query(database, waiting) != ids.len().to_string() {
        assert!(saves.try_join_next().is_none(), "a save did not wait");
        sleep(Duration::from_millis(20)).await;
    }
    transaction.rollback().await.unwrap();
    assert!(saves.join_all().await.iter().all(|saved| *saved == Saved::Applied));
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_used_up() {
    let server = PostgresServer::shared();
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(2);
    let pool = options.connect(&server.url(&server.database())).await.unwrap();
    let store = SqlStore::builder(pool.clone()).connect().await.unwrap();
    let ids = begin_all(&store).await;
    let held = [pool.acquire().await.unwrap(), pool.acquire().await.unwrap()];
    fail_in_time(&every_operation(&store, &ids).await);
    drop(held);
    succeed(&every_operation(&store, &ids).await);
}

/// As an administrator closes it for a while, over maintenance.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_closed_to_connections() {
    let server = PostgresServer::shared();
    let name = server.database();
    let store = SqlStore::connect(server.url(&name)).await.unwrap();
    let ids = begin_all(&store).await;
    let open =
        |flag: bool| server.query("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {flag}"));
    open(false);
    server.query(
        "postgres",
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    );
    fail_in_time(&every_operation(&store, &ids).await);
    open(true);
    succeed(&every_operation(&store, &ids).await);
}

/// A lock that somebody else holds for too long is waited for within the budget.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_locked_by_somebody_else() {
    let server = PostgresServer::shared();
    let url = server.url(&server.database());
    let store = SqlStore::connect(url.clone()).await.unwrap();
    let id = store.begin().await;
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM http_session FOR UPDATE").execute(&mut *transaction).await.unwrap();
    fail_in_time(&[timed("save", store.save(&id, &setting("a", "1"), NOW)).await]);
    assert_eq!(store.value(&id, "n").await.as_deref(), Some("0"), "reading waits for nobody");
    transaction.rollback().await.unwrap();
    succeed(&[timed("save", store.save(&id, &setting("a", "2"), NOW)).await]);
    assert_eq!(store.value(&id, "a").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_sqlite_file_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("sessions.db"));
    let options = options.create_if_missing(true).pragma("max_page_count", "100");
    let pool = SqlitePoolOptions::new().connect_with(options).await.unwrap();
    let store = SqlStore::builder(pool).connect().await.unwrap();
    let mut ids = Vec::new();
    let mut new = counting();
    new.attributes.insert("large".into(), vec![0; 10_000].into());
    let refusal = loop {
        let id = id();
        match store.create(&id, &new, NOW).await {
            Ok(_) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.kind(), ErrorKind::Unavailable, "{refusal:?}");
    assert!(ids.len() > 5, "{} sessions fit", ids.len());
    for id in &ids {
        assert_eq!(store.value(id, "n").await.as_deref(), Some("0"));
    }
    for id in &ids[..3] {
        assert_eq!(store.delete(id, op(), NOW).await.unwrap(), Saved::Applied);
    }
    store.live_through().await;
}

/// A store behind a proxy with one connection that has prepared every statement, so that the next request is the next
/// operation; and a session.
struct Behind {
    _server: Arc<PostgresServer>,
    proxy: Proxy,
    store: SqlStore,
    id: StoredId,
}

impl Behind {
    async fn start() -> Self {
        let server = PostgresServer::shared();
        let url = server.url(&server.database());
        let proxy = Proxy::start(server.port()).await;
        let url = url.replace(&server.port().to_string(), &proxy.port().to_string());
        let store = SqlStore::builder(url).max_connections(1).connect().await.unwrap();
        store.live_through().await;
        let id = store.begin().await;
        store.touch(&id, NOW).await.unwrap();
        store.capabilities().renewal.unwrap().renew(&id, &digest(), NOW).await.unwrap();
        store.take(&id, "n", NOW).await.unwrap();
        store.replace_if(&id, "n", None, Some(b"0"), NOW).await.unwrap();
        store.rotate(&id, &digest(), &setting("a", "1"), NOW).await.unwrap();
        store.end(id.handle(), op()).await.unwrap();
        let id = store.begin().await;
        Self { _server: server, proxy, store, id }
    }

    async fn renew(&self) -> Renewed {
        let renewal = self.store.capabilities().renewal.unwrap();
        renewal.renew(&self.id, &digest(), NOW).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_whose_request_or_answer_was_lost_is_sent_again_and_finds_its_work_done() {
    for cut in [Proxy::cut_before_next_request, Proxy::cut_after_next_request] {
        for operation in 0..7 {
            let behind = Behind::start().await;
            let Behind { proxy, store, id, .. } = &behind;
            let (fresh, new) = (crate::support::id(), digest());
            cut(proxy);
            match operation {
                0 => drop(store.create(&fresh, &counting(), NOW).await.unwrap()),
                1 => drop(store.load(id, Select::All, NOW).await.unwrap()),
                2 => store.touch(id, NOW).await.unwrap(),
                3 => assert_eq!(behind.renew().await, Renewed::Issued),
                4 => {
                    assert_eq!(
                        store.rotate(id, &new, &setting("a", "1"), NOW).await.unwrap(),
                        Saved::Applied
                    );
                    let id = StoredId::new(*id.handle(), new);
                    assert_eq!(store.value(&id, "a").await.as_deref(), Some("1"));
                }
                5 => {
                    assert_eq!(store.delete(id, op(), NOW).await.unwrap(), Saved::Applied);
                    assert_eq!(store.find(id).await, None);
                }
                _ => {
                    store.end(id.handle(), op()).await.unwrap();
                    assert_eq!(store.find(id).await, None);
                }
            }
            assert_eq!(proxy.cuts(), 1, "operation {operation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_not_sent_again_but_one_whose_answer_was_lost_is_seen_to_be_done() {
    let Behind { _server, proxy, store, id } = Behind::start().await;
    proxy.cut_after_next_request();
    assert_eq!(store.save(&id, &setting("a", "1"), NOW).await.unwrap(), Saved::Applied);
    assert_eq!((proxy.cuts(), store.value(&id, "a").await.as_deref()), (1, Some("1")));

    let Behind { _server, proxy, store, id } = Behind::start().await;
    proxy.cut_before_next_request();
    let error = store.save(&id, &setting("a", "1"), NOW).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(store.value(&id, "a").await, None, "it was not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_most_once_is_not_sent_again() {
    for (cut, done) in
        [(Proxy::cut_before_next_request as fn(&Proxy), false), (Proxy::cut_after_next_request, true)]
    {
        let Behind { _server, proxy, store, id } = Behind::start().await;
        cut(&proxy);
        let error = store.take(&id, "n", NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let again = store.take(&id, "n", NOW).await.unwrap();
        assert_eq!(again == Taken::Nothing, done, "{again:?}");

        let Behind { _server, proxy, store, id } = Behind::start().await;
        cut(&proxy);
        let error = store.replace_if(&id, "b", None, Some(b"1"), NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let again = store.replace_if(&id, "b", None, Some(b"2"), NOW).await.unwrap();
        assert_eq!(again == Swapped::Conflict(Some("1".into())), done, "{again:?}");
    }
}
