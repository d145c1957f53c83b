//! Races under settings of the server that are not the ones the store would choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{
    Changes, EventSettings, Expiry, Load, Principals as _, Saved, Select, SessionStore, SignIn, SignedIn,
    StoredId, Sweep as _,
};
use session_sql::SqlStore;
use session_testkit::store::{principal_races_if_offered, races};
use session_testkit::{Harness, PostgresServer, async_trait};
use sqlx::postgres::PgPoolOptions;

use crate::support::{NOW, StoreExt, counting, digest, id, op, setting};

/// Nodes that race on a database whose default isolation is another one.
struct Isolated {
    _server: Arc<PostgresServer>,
    nodes: Vec<Arc<SqlStore>>,
    turn: AtomicUsize,
}

impl Isolated {
    /// The first node has a pool of its own, the other one the application's.
    async fn start(isolation: &str) -> Self {
        let server = PostgresServer::shared();
        let database = server.database();
        let default = format!("ALTER DATABASE {database} SET default_transaction_isolation = '{isolation}'");
        server.query("postgres", &default);
        assert_eq!(server.query(&database, "SHOW default_transaction_isolation"), isolation);
        let url = server.url(&database);
        let pool = PgPoolOptions::new().max_connections(10).connect(&url).await.unwrap();
        let mut nodes = Vec::new();
        for builder in [SqlStore::builder(url), SqlStore::builder(pool)] {
            let builder = builder.budget(Duration::from_secs(20));
            nodes.push(Arc::new(builder.connect().await.unwrap()));
        }
        Self { _server: server, nodes, turn: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Harness for Isolated {
    fn store(&self) -> Arc<dyn SessionStore> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.nodes[turn % self.nodes.len()]) as Arc<dyn SessionStore>
    }

    async fn advance(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn with_events(&self, _: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        None
    }

    async fn leftovers(&self) -> usize {
        unreachable!("the races do not count")
    }

    fn repetitions(&self) -> usize {
        300
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_default_isolation_of_the_server_surfaces() {
    for isolation in ["repeatable read", "serializable"] {
        let harness = &Isolated::start(isolation).await;
        races::different_attributes_set_at_once_both_survive(harness).await;
        races::an_attribute_set_and_another_removed_at_once_are_both_done(harness).await;
        races::eight_attributes_set_at_once_all_survive(harness).await;
        races::a_save_racing_a_rotation_is_whole_in_the_session_or_gone(harness).await;
        races::one_of_sixty_four_takers_gets_the_value(harness).await;
        races::sixty_four_increments_at_once_make_sixty_four(harness).await;
        races::a_save_never_revives_what_is_deleted(harness).await;
        principal_races_if_offered::a_logout_everywhere_beats_a_sign_in_that_arrived_before_it(harness).await;
        principal_races_if_offered::of_many_sign_ins_at_once_the_limit_is_left_and_never_more(harness).await;
    }
}

/// What one removes another one sets for the first time: whoever came last, the session has all of one's changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_removed_while_it_is_set_for_the_first_time_is_there_or_not_as_a_whole() {
    let server = PostgresServer::shared();
    let url = server.url(&server.database());
    let nodes = [SqlStore::connect(url.clone()).await.unwrap(), SqlStore::connect(url).await.unwrap()];
    let [setter, remover] = nodes.map(Arc::new);
    let mut outcomes = [0, 0];
    for _ in 0..2000 {
        let id = setter.begin().await;
        let (mut set, mut remove) = (setting("who", "setter"), setting("who", "remover"));
        set.set("new", "1");
        remove.remove("new");
        let both = tokio::join!(
            tokio::spawn({
                let (setter, id) = (Arc::clone(&setter), id.clone());
                async move { setter.save(&id, &set, NOW).await.unwrap() }
            }),
            tokio::spawn({
                let (remover, id) = (Arc::clone(&remover), id.clone());
                async move { remover.save(&id, &remove, NOW).await.unwrap() }
            })
        );
        assert_eq!((both.0.unwrap(), both.1.unwrap()), (Saved::Applied, Saved::Applied));
        match (setter.value(&id, "who").await.as_deref(), setter.value(&id, "new").await.as_deref()) {
            (Some("setter"), Some("1")) => outcomes[0] += 1,
            (Some("remover"), None) => outcomes[1] += 1,
            torn => panic!("torn: {torn:?}"),
        }
    }
    assert!(outcomes.iter().all(|count| *count > 0), "only one order was seen: {outcomes:?}");
}

/// A node that does something to a session in a transaction of ours, step by step.
struct Slow {
    _server: Arc<PostgresServer>,
    store: Arc<SqlStore>,
    pool: sqlx::PgPool,
}

impl Slow {
    async fn start() -> Arc<Self> {
        let server = PostgresServer::shared();
        let url = server.url(&server.database());
        let store = Arc::new(SqlStore::connect(url.clone()).await.unwrap());
        Arc::new(Self { _server: server, store, pool: sqlx::PgPool::connect(&url).await.unwrap() })
    }

    /// The request of a principal that arrives now.
    async fn sign_in(&self, id: &StoredId) -> SignedIn {
        let expiry = Expiry::idle(Duration::from_secs(3600)).unwrap();
        let request = SignIn::new("ada".into(), digest(), expiry, Changes::new(), op());
        self.store.sign_in(id, &request, NOW).await.unwrap()
    }

    async fn begin(&self, sql: &'static str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut transaction = self.pool.begin().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *transaction).await.unwrap();
        transaction
    }

    /// Waits until somebody waits for a lock.
    async fn somebody_waits(&self) {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.pool).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_that_was_set_for_the_first_time_during_the_wait_for_the_session_is_removed() {
    let slow = Slow::start().await;
    let id = slow.store.begin().await;
    let sets = "UPDATE http_session SET last_op = 'other'; INSERT INTO http_session_attribute SELECT locator, 'new', '1' FROM http_session";
    let transaction = slow.begin(sets).await;
    let removing = tokio::spawn({
        let (store, id) = (Arc::clone(&slow.store), id.clone());
        async move {
            let mut changes = setting("who", "remover");
            changes.remove("new");
            store.save(&id, &changes, NOW).await.unwrap()
        }
    });
    slow.somebody_waits().await;
    transaction.commit().await.unwrap();
    assert_eq!(removing.await.unwrap(), Saved::Applied);
    assert_eq!(slow.store.value(&id, "new").await, None);
    assert_eq!(slow.store.value(&id, "who").await.as_deref(), Some("remover"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_touch_is_under_way_is_not_swept() {
    let slow = Slow::start().await;
    let (id, mut new) = (id(), counting());
    new.expiry = session_core::Expiry::idle(Duration::from_millis(100)).unwrap();
    slow.store.create(&id, &new, NOW).await.unwrap();
    let transaction = slow.begin("UPDATE http_session SET expires_at = expires_at + 3600000").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let sweeping = tokio::spawn({
        let store = Arc::clone(&slow.store);
        async move { store.sweep(10).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    transaction.commit().await.unwrap();
    assert_eq!(sweeping.await.unwrap(), 0);
    assert_eq!(slow.store.value(&id, "n").await.as_deref(), Some("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_expired_during_the_wait_for_it_is_not_revived() {
    let slow = Slow::start().await;
    let (id, mut new) = (id(), counting());
    new.expiry = session_core::Expiry::idle(Duration::from_millis(200)).unwrap();
    slow.store.create(&id, &new, NOW).await.unwrap();
    let transaction = slow.begin("UPDATE http_session SET last_op = 'other'").await;
    let touching = tokio::spawn({
        let (store, id) = (Arc::clone(&slow.store), id.clone());
        async move { store.touch(&id, NOW).await.unwrap() }
    });
    let saving = tokio::spawn({
        let (store, id) = (Arc::clone(&slow.store), id.clone());
        let mut changes = setting("a", "1");
        changes.touch = true;
        async move { store.save(&id, &changes, NOW).await.unwrap() }
    });
    slow.somebody_waits().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    transaction.commit().await.unwrap();
    touching.await.unwrap();
    assert_eq!(saving.await.unwrap(), Saved::Absent);
    assert_eq!(StoreExt::find(&*slow.store, &id).await, None);
}

/// How old the request was when it asked is not how old it is when its turn has come.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_everywhere_that_came_while_a_sign_in_waited_for_its_turn_beats_it() {
    let slow = Slow::start().await;
    let (before, id) = (slow.store.begin().await, slow.store.begin().await);
    assert_eq!(slow.sign_in(&before).await, SignedIn::Applied);
    let mut transaction = slow.begin("SELECT 1 FROM http_session_principal FOR UPDATE").await;
    let signing_in = tokio::spawn({
        let (slow, id) = (Arc::clone(&slow), id.clone());
        async move { slow.sign_in(&id).await }
    });
    slow.somebody_waits().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let now = "floor(date_part('epoch', clock_timestamp()) * 1000)::bigint";
    let revoked = format!("UPDATE http_session_principal SET revoked_at = {now}");
    sqlx::query(sqlx::AssertSqlSafe(revoked)).execute(&mut *transaction).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    transaction.commit().await.unwrap();
    assert_eq!(signing_in.await.unwrap(), SignedIn::Revoked);
    // What comes after it is let in.
    assert_eq!(slow.sign_in(&id).await, SignedIn::Applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_expired_while_a_sign_in_waited_for_it_is_not_revived() {
    let slow = Slow::start().await;
    let (id, mut new) = (id(), counting());
    new.expiry = session_core::Expiry::idle(Duration::from_millis(200)).unwrap();
    slow.store.create(&id, &new, NOW).await.unwrap();
    let transaction = slow.begin("UPDATE http_session SET last_op = 'other'").await;
    let signing_in = tokio::spawn({
        let slow = Arc::clone(&slow);
        async move { slow.sign_in(&id).await }
    });
    slow.somebody_waits().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    transaction.commit().await.unwrap();
    assert_eq!(signing_in.await.unwrap(), SignedIn::Absent);
}

/// Sweeping beside requests: no session that lives is lost, and no deadlock is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sweep_harms_no_request_beside_it() {
    let server = PostgresServer::shared();
    let url = server.url(&server.database());
    let store = Arc::new(SqlStore::builder(url.clone()).max_connections(20).connect().await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let sweepers = [(); 3].map(|()| {
        let (store, over) = (Arc::clone(&store), Arc::clone(&over));
        tokio::spawn(async move {
            let mut swept = 0;
            while !over.load(Ordering::Relaxed) {
                swept += store.sweep(50).await.unwrap();
            }
            swept
        })
    });
    let users = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..150 {
                let (kept, brief) = (store.begin().await, id());
                let mut new = counting();
                new.expiry = session_core::Expiry::idle(Duration::from_millis(round % 20 + 1)).unwrap();
                store.create(&brief, &new, NOW).await.unwrap();
                store.touch(&brief, NOW).await.unwrap();
                store.save(&brief, &setting("a", "1"), NOW).await.unwrap();
                assert_eq!(store.save(&kept, &setting("a", "1"), NOW).await.unwrap(), Saved::Applied);
                store.touch(&brief, NOW).await.unwrap();
                store.touch(&kept, NOW).await.unwrap();
                let found = store.load(&kept, Select::All, NOW).await.unwrap();
                assert!(matches!(found, Load::Live { .. }));
            }
        })
    });
    for user in users.collect::<Vec<_>>() {
        user.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let mut swept = 0;
    for sweeper in sweepers {
        swept += sweeper.await.unwrap();
    }
    assert!(swept > 100, "{swept} sessions were swept");
}
