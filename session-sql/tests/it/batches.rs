//! What waits for PostgreSQL's only connection goes together in one statement, and is answered as by itself.

use std::time::Duration;

use futures_util::future::join_all;
use session_core::{Created, ErrorKind, Load, Select, SessionStore, StoredId};
use session_sql::SqlStore;
use session_testkit::{PostgresServer, Proxy};
use tokio::join;

use crate::support::{NOW, StoreExt as _, counting, digest, id, op, setting};

/// A store with one connection, through a proxy.
struct Crowded {
    server: PostgresServer,
    database: String,
    proxy: Proxy,
    store: SqlStore,
    /// The session whose changes keep the connection.
    busy: StoredId,
}

impl Crowded {
    async fn start() -> Self {
        let server = PostgresServer::start_with(&["log_statement=all", "fsync=off"]);
        let database = server.database();
        let proxy = Proxy::start(server.port()).await;
        let url = server.url(&database).replace(&server.port().to_string(), &proxy.port().to_string());
        let builder = SqlStore::builder(url).budget(Duration::from_secs(20)).max_connections(1);
        let store = builder.connect().await.unwrap();
        let busy = store.begin().await;
        Self { server, database, proxy, store, busy }
    }

    /// What all of these answer who come while the connection is in use, and how many statements they take. A change
    /// takes it first: what stands first in a `join!` is polled first.
    async fn all<F: Future>(&self, waiting: impl IntoIterator<Item = F>) -> (Vec<F::Output>, usize) {
        let before = self.statements();
        let change = setting("n", "1");
        let (saved, answers) = join!(self.store.save(&self.busy, &change, NOW), join_all(waiting));
        saved.unwrap();
        (answers, self.statements() - before - 1)
    }

    fn statements(&self) -> usize {
        self.server.log().matches("LOG:  execute ").count()
    }

    async fn begin_many<const N: usize>(&self) -> [StoredId; N] {
        let ids: [StoredId; N] = std::array::from_fn(|_| id());
        for (n, id) in ids.iter().enumerate() {
            let mut new = counting();
            new.attributes.insert("mine".into(), n.to_string().into());
            assert_eq!(self.store.create(id, &new, NOW).await.unwrap(), Created::Created);
        }
        ids
    }

    fn load<'a>(
        &'a self,
        id: &'a StoredId,
        select: Select<'a>,
    ) -> impl Future<Output = session_core::Result<Load>> {
        self.store.load(id, select, NOW)
    }
}

fn attribute(load: &session_core::Result<Load>, name: &str) -> Option<String> {
    match load {
        Ok(Load::Live { record, .. }) => {
            record.attributes.get(name).map(|value| String::from_utf8(value.to_vec()).unwrap())
        }
        other => panic!("the session is alive: {other:?}"),
    }
}

#[tokio::test]
async fn loads_that_wait_are_one_statement() {
    let crowded = Crowded::start().await;
    let ids = crowded.begin_many::<20>().await;
    let (loads, statements) = crowded.all(ids.iter().map(|id| crowded.load(id, Select::All))).await;
    assert_eq!(statements, 1);
    for (n, load) in loads.iter().enumerate() {
        assert_eq!(attribute(load, "mine"), Some(n.to_string()));
        assert_eq!(attribute(load, "n").as_deref(), Some("0"));
    }
}

#[tokio::test]
async fn no_statement_is_for_more_than_sixty_four() {
    let crowded = Crowded::start().await;
    let [id] = crowded.begin_many().await;
    for (waiting, expected) in [(64, 1), (65, 2), (200, 4)] {
        let loads = (0..waiting).map(|_| crowded.load(&id, Select::All));
        let (loads, statements) = crowded.all(loads).await;
        assert_eq!((loads.len(), statements), (waiting, expected));
        assert!(loads.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn loads_of_one_session_get_it_each() {
    let crowded = Crowded::start().await;
    let [id] = crowded.begin_many().await;
    let (loads, statements) = crowded.all((0..5).map(|_| crowded.load(&id, Select::All))).await;
    assert_eq!(statements, 1);
    assert!(loads.iter().all(|load| attribute(load, "mine").as_deref() == Some("0")));
}

#[tokio::test]
async fn each_load_gets_the_attributes_that_it_has_asked_for() {
    let crowded = Crowded::start().await;
    let ids = crowded.begin_many::<6>().await;
    let selects = [
        Select::All,
        Select::Only(&["mine"]),
        Select::Only(&["mine", "none"]),
        Select::Metadata,
        Select::Only(&[]),
        Select::Only(&["mine"]),
    ];
    let loads = ids.iter().zip(selects).map(|(id, select)| crowded.load(id, select));
    let (loads, statements) = crowded.all(loads).await;
    assert_eq!(statements, 4, "two name the same, and two name none");
    let found = |name| loads.iter().map(|load| attribute(load, name)).collect::<Vec<_>>();
    let n = |n: u32| Some(n.to_string());
    assert_eq!(found("mine"), [n(0), n(1), n(2), None, None, n(5)]);
    assert_eq!(found("n"), [n(0), None, None, None, None, None]);
}

#[tokio::test]
async fn one_that_matches_nothing_does_not_concern_the_others() {
    let crowded = Crowded::start().await;
    let [alive, ended, renewed] = crowded.begin_many().await;
    crowded.store.delete(&ended, op(), NOW).await.unwrap();
    let candidate = digest();
    let renewal = crowded.store.capabilities().renewal.unwrap();
    renewal.renew(&renewed, &candidate, NOW).await.unwrap();
    let (unknown, forged) = (id(), StoredId::new(*alive.handle(), digest()));
    let shown = StoredId::new(*renewed.handle(), candidate);
    let asked = [&alive, &ended, &unknown, &forged, &shown];
    let (loads, statements) = crowded.all(asked.map(|id| crowded.load(id, Select::All))).await;
    assert_eq!(statements, 3, "the candidate is loaded by itself, and promoted");
    assert_eq!(attribute(&loads[0], "mine").as_deref(), Some("0"));
    assert!(matches!(loads[1..4], [Ok(Load::Gone), Ok(Load::Absent), Ok(Load::Absent)]), "{loads:?}");
    assert_eq!(attribute(&loads[4], "mine").as_deref(), Some("2"));
}

#[tokio::test]
async fn creates_that_wait_are_one_statement() {
    let crowded = Crowded::start().await;
    let ids: [StoredId; 20] = std::array::from_fn(|_| id());
    let news: Vec<_> = (0..20)
        .map(|n| {
            let mut new = counting();
            new.attributes.clear();
            // The first has none.
            for attribute in 0..n % 4 {
                new.attributes.insert(format!("a{attribute}").into(), n.to_string().into());
            }
            new
        })
        .collect();
    let creates = ids.iter().zip(&news).map(|(id, new)| crowded.store.create(id, new, NOW));
    let (created, statements) = crowded.all(creates).await;
    assert_eq!(statements, 1);
    assert!(created.iter().all(|created| matches!(created, Ok(Created::Created))), "{created:?}");
    let alone = crowded.store.begin().await;
    let alone = crowded.store.find(&alone).await.unwrap();
    for (id, new) in ids.iter().zip(&news) {
        let record = crowded.store.find(id).await.unwrap();
        assert_eq!(record.attributes, new.attributes);
        assert_eq!((record.idle, record.end), (alone.idle, alone.end));
        let life = record.expires_at.as_millis() - record.created.as_millis();
        assert_eq!(life, alone.expires_at.as_millis() - alone.created.as_millis());
    }
}

#[tokio::test]
async fn sessions_that_live_otherwise_are_begun_otherwise() {
    let crowded = Crowded::start().await;
    let ids: [StoredId; 4] = std::array::from_fn(|_| id());
    let mut news = [(); 4].map(|()| counting());
    news[1].expiry = session_core::Expiry::idle(Duration::from_secs(60)).unwrap();
    news[3].expiry = news[1].expiry;
    let creates = ids.iter().zip(&news).map(|(id, new)| crowded.store.create(id, new, NOW));
    let (created, statements) = crowded.all(creates).await;
    assert_eq!(statements, 2);
    assert!(created.iter().all(Result::is_ok));
    for (id, new) in ids.iter().zip(&news) {
        assert_eq!(crowded.store.find(id).await.unwrap().idle, new.expiry.idle_timeout());
    }
}

#[tokio::test]
async fn what_is_in_the_way_of_one_create_is_not_in_that_of_the_others() {
    let crowded = Crowded::start().await;
    let [taken, ended] = crowded.begin_many().await;
    crowded.store.delete(&ended, op(), NOW).await.unwrap();
    let (free, other) = (id(), StoredId::new(*taken.handle(), digest()));
    let new = counting();
    let creates = [&free, &ended, &other, &taken].map(|id| crowded.store.create(id, &new, NOW));
    let (created, _) = crowded.all(creates).await;
    let [Ok(Created::Created), Ok(Created::Gone), Err(in_use), Ok(Created::Created)] = &created[..] else {
        panic!("{created:?}");
    };
    assert_eq!(in_use.kind(), session_core::Error::locator_in_use().kind());
    assert_eq!(crowded.store.value(&taken, "mine").await.as_deref(), Some("0"), "it is its first work");
    assert_eq!(crowded.store.value(&free, "n").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn of_two_creates_of_one_id_that_wait_only_one_begins_it() {
    let crowded = Crowded::start().await;
    let one = id();
    let other = StoredId::new(*one.handle(), digest());
    let mut news = [counting(), counting()];
    news[1].attributes.clear();
    news[1].attributes.insert("of the other".into(), "1".into());
    let creates = [&one, &other].into_iter().zip(&news).map(|(id, new)| crowded.store.create(id, new, NOW));
    let (created, _) = crowded.all(creates).await;
    let begun: Vec<_> = created.iter().map(Result::is_ok).collect();
    let winner = if begun[0] { &one } else { &other };
    assert_eq!(begun.iter().filter(|begun| **begun).count(), 1, "{created:?}");
    let expected = &news[usize::from(!begun[0])].attributes;
    assert_eq!(&crowded.store.find(winner).await.unwrap().attributes, expected);
}

#[tokio::test]
async fn what_the_database_refuses_of_one_does_not_concern_the_others() {
    let crowded = Crowded::start().await;
    let refusal = "ALTER TABLE http_session_attribute ADD CHECK (name <> 'refused')";
    crowded.server.query(&crowded.database, refusal);
    let ids: [StoredId; 5] = std::array::from_fn(|_| id());
    let mut news = [(); 5].map(|()| counting());
    news[3].attributes.insert("refused".into(), "1".into());
    let creates = ids.iter().zip(&news).map(|(id, new)| crowded.store.create(id, new, NOW));
    let (created, _) = crowded.all(creates).await;
    for (n, created) in created.iter().enumerate() {
        match created {
            Ok(Created::Created) if n != 3 => {}
            Err(error) if n == 3 => assert_eq!(error.kind(), ErrorKind::Protocol),
            other => panic!("{n}: {other:?}"),
        }
    }
    let (loads, statements) = crowded.all(ids.iter().map(|id| crowded.load(id, Select::All))).await;
    assert_eq!(statements, 1);
    assert_eq!(loads.iter().filter(|load| matches!(load, Ok(Load::Live { .. }))).count(), 4);
}

#[tokio::test]
async fn a_connection_that_breaks_is_noticed_by_nobody() {
    let crowded = Crowded::start().await;
    let ids = crowded.begin_many::<8>().await;
    for cut in [Proxy::cut_before_next_request, Proxy::cut_after_next_request] {
        let (new, begun) = (counting(), [(); 8].map(|()| id()));
        // The look of whoever has the connection is what the others wait for: it must not be what is cut.
        let hold = crowded.store.load(&crowded.busy, Select::Metadata, NOW);
        let loads = join_all(ids.iter().map(|id| crowded.load(id, Select::All)));
        let creates = join_all(begun.iter().map(|id| crowded.store.create(id, &new, NOW)));
        let cutting = async {
            tokio::task::yield_now().await;
            cut(&crowded.proxy);
        };
        let before = crowded.proxy.cuts();
        let (held, loads, creates, ()) = join!(hold, loads, creates, cutting);
        held.unwrap();
        assert!(crowded.proxy.cuts() > before);
        assert!(loads.iter().all(|load| attribute(load, "n").as_deref() == Some("0")));
        assert!(creates.iter().all(|created| matches!(created, Ok(Created::Created))), "{creates:?}");
        for id in &begun {
            assert_eq!(crowded.store.value(id, "n").await.as_deref(), Some("0"));
        }
    }
}

#[tokio::test]
async fn whoever_gives_up_does_not_take_the_others_along() {
    let crowded = Crowded::start().await;
    let ids = crowded.begin_many::<4>().await;
    let (given_up, new) = (id(), counting());
    let mut create = Box::pin(crowded.store.create(&given_up, &new, NOW));
    let mut first = Box::pin(crowded.load(&ids[0], Select::All));
    let change = setting("n", "1");
    let mut hold = Box::pin(crowded.store.save(&crowded.busy, &change, NOW));
    tokio::select! { biased;
        _ = &mut hold => panic!("nothing has been polled yet"),
        _ = &mut first => panic!("it waits"),
        _ = &mut create => panic!("it waits"),
        () = std::future::ready(()) => {}
    }
    let others = join_all(ids[1..].iter().map(|id| crowded.load(id, Select::All)));
    let gives_up = async move { drop((first, create)) };
    let (saved, others, ()) = join!(hold, others, gives_up);
    saved.unwrap();
    assert_eq!(crowded.store.find(&given_up).await, None, "nobody waits for that one");
    assert_eq!(
        others.iter().map(|load| attribute(load, "mine")).collect::<Vec<_>>(),
        ["1", "2", "3"].map(|n| Some(n.to_owned()))
    );
}

#[tokio::test]
async fn those_that_wait_when_the_store_is_closed_fail() {
    let crowded = Crowded::start().await;
    let ids = crowded.begin_many::<4>().await;
    let change = setting("n", "1");
    let save = crowded.store.save(&crowded.busy, &change, NOW);
    let loads = join_all(ids.iter().map(|id| crowded.load(id, Select::All)));
    let (_, loads, ()) = join!(save, loads, crowded.store.close());
    assert!(
        loads.iter().all(|load| load.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable))
    );
}
