//! Events in Redis' own terms: what they cost, where a node may die, and that nothing is left but the streams.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use session_core::{
    Access, Changes, Created, Delivery, EventKind, EventSettings, Expiry, Load, NewRecord, Page, Principals,
    Reason, Revocation, Saved, Select, SessionEvent, SessionLimit, SessionStore, SignIn, SignedIn, StoredId,
    Subscription, Sweep,
};
use session_redis::RedisStore;
use session_testkit::RedisServer;

use crate::support::{digest, id, move_back, namespace, op, setting};

const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// After this, others look at what a node was at when it died.
const LEASE: Duration = Duration::from_secs(60);

async fn node(server: &RedisServer, namespace: &str) -> RedisStore {
    node_with(server, namespace, EventSettings::new().attributes(["tenant"])).await
}

async fn node_with(server: &RedisServer, namespace: &str, settings: EventSettings) -> RedisStore {
    let builder = RedisStore::builder(server.url()).namespace(namespace).events(settings);
    // A busy machine must not use up the budget.
    builder.budget(Duration::from_secs(20)).connect().await.unwrap()
}

async fn listener(store: &RedisStore) -> Box<dyn Subscription> {
    store.capabilities().events.unwrap().subscribe(&Delivery::EveryNode).await.unwrap()
}

async fn heard(subscription: &mut Box<dyn Subscription>) -> Vec<SessionEvent> {
    let mut events = Vec::new();
    loop {
        let delivered = subscription.next(500).await.unwrap();
        if delivered.is_empty() {
            return events;
        }
        let receipts: Vec<_> = delivered.iter().map(|delivered| delivered.receipt.clone()).collect();
        subscription.acknowledge(&receipts).await.unwrap();
        events.extend(delivered.into_iter().map(|delivered| delivered.event));
    }
}

fn lasting(idle: Duration) -> NewRecord {
    let mut new = NewRecord::new(Expiry::idle(idle).unwrap());
    new.attributes.insert("tenant".into(), "1".into());
    new.attributes.insert("kept".into(), "secret".into());
    new
}

async fn begin(store: &RedisStore, idle: Duration) -> StoredId {
    let id = id();
    assert_eq!(store.create(&id, &lasting(idle), FRESH).await.unwrap(), Created::Created);
    id
}

/// The same session, somebody's.
async fn signed_in(store: &RedisStore, id: &StoredId, idle: Duration) -> StoredId {
    let expiry = Expiry::idle(idle).unwrap();
    let request = SignIn::new("somebody".into(), digest(), expiry, Changes::new(), op());
    assert_eq!(store.sign_in(id, &request, FRESH).await.unwrap(), SignedIn::Applied);
    StoredId::new(*id.handle(), request.new)
}

async fn is_alive(store: &RedisStore, id: &StoredId) -> bool {
    matches!(store.load(id, Select::Metadata, FRESH).await.unwrap(), Load::Live { .. })
}

fn ends(events: &[SessionEvent], id: &StoredId) -> Vec<EventKind> {
    let own = events.iter().filter(|event| event.handle == *id.handle() && event.kind.is_end());
    own.map(|event| event.kind).collect()
}

/// Everything in a namespace but the streams.
fn left(server: &RedisServer, namespace: &str) -> Vec<String> {
    let keys: Vec<String> = server.query(&["KEYS", &format!("{namespace}:*")]);
    keys.into_iter().filter(|key| !key.contains(":events:")).collect()
}

/// Whoever does this dies after so many of its answers: what it has sent by then is carried out.
async fn killed_after(answers: usize, operation: impl Future) -> bool {
    let mut operation = pin!(operation);
    let mut left = answers;
    let finished = poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    });
    let finished = finished.await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    finished
}

#[tokio::test]
async fn whichever_command_a_node_dies_after_an_end_is_told_whole() {
    let server = RedisServer::shared();
    let mut outcomes = BTreeSet::new();
    for answers in 0..12 {
        for by_handle in [false, true] {
            let namespace = namespace();
            let (dies, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
            let mut all = listener(&lives).await;
            let id = signed_in(&lives, &begin(&lives, HOUR).await, HOUR).await;
            let finished = match by_handle {
                false => killed_after(answers, dies.delete(&id, op(), FRESH)).await,
                true => killed_after(answers, dies.end(id.handle(), op())).await,
            };
            move_back(&server, &namespace, LEASE);
            lives.sweep(100).await.unwrap();
            let events = heard(&mut all).await;
            let expected = EventKind::Deleted(if by_handle { Reason::Ended } else { Reason::Invalidated });
            if is_alive(&lives, &id).await {
                assert_eq!(ends(&events, &id), [], "after {answers} answers");
                outcomes.insert("alive");
                continue;
            }
            assert_eq!(BTreeSet::from_iter(ends(&events, &id).iter().map(|kind| kind.as_str())).len(), 1);
            let end = events.iter().find(|event| event.kind == expected).unwrap();
            assert_eq!(end.principal, Some("somebody".into()), "after {answers} answers");
            assert_eq!(end.attributes.keys().map(|name| &**name).collect::<Vec<_>>(), ["tenant"]);
            if finished {
                assert_eq!(ends(&events, &id), [expected]);
            }
            outcomes.insert(if finished { "finished" } else { "ended" });
            // So long lives the entry in the principal's index, if nobody reads it.
            move_back(&server, &namespace, 2 * HOUR);
            lives.sweep(100).await.unwrap();
            assert_eq!(left(&server, &namespace), [""; 0], "after {answers} answers");
        }
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["alive", "ended", "finished"]);
}

#[tokio::test]
async fn whichever_command_a_node_dies_after_what_began_has_an_end() {
    let server = RedisServer::shared();
    for answers in 0..10 {
        let namespace = namespace();
        let (dies, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let mut all = listener(&lives).await;
        let id = id();
        killed_after(answers, dies.create(&id, &lasting(HOUR), FRESH)).await;
        lives.sweep(100).await.unwrap();
        let began = is_alive(&lives, &id).await;
        move_back(&server, &namespace, 2 * HOUR);
        lives.sweep(100).await.unwrap();
        let expected: &[EventKind] = if began { &[EventKind::Expired] } else { &[] };
        assert_eq!(ends(&heard(&mut all).await, &id), expected, "after {answers} answers");
        assert_eq!(left(&server, &namespace), [""; 0]);
    }
}

/// What a session can come to whose end is far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create,
    Rotate,
    SignIn,
}

#[tokio::test]
async fn whichever_command_a_node_dies_after_what_began_or_was_rotated_is_told() {
    let server = RedisServer::shared();
    let mut outcomes = BTreeSet::new();
    for (step, answers) in [Step::Create, Step::Rotate, Step::SignIn]
        .into_iter()
        .flat_map(|step| (0..14).map(move |answers| (step, answers)))
    {
        let namespace = namespace();
        let (dies, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let old = if let Step::Create = step { id() } else { begin(&lives, HOUR).await };
        let mut all = listener(&lives).await;
        let request =
            SignIn::new("somebody".into(), digest(), Expiry::idle(HOUR).unwrap(), Changes::new(), op());
        let finished = match step {
            Step::Create => killed_after(answers, dies.create(&old, &lasting(HOUR), FRESH)).await,
            Step::Rotate => {
                killed_after(answers, dies.rotate(&old, &request.new, &Changes::new(), FRESH)).await
            }
            Step::SignIn => killed_after(answers, dies.sign_in(&old, &request, FRESH)).await,
        };
        let new = StoredId::new(*old.handle(), request.new);
        let (kind, id) = match step {
            Step::Create => (EventKind::Created, &old),
            Step::Rotate | Step::SignIn => (EventKind::Rotated, &new),
        };
        let happened = is_alive(&lives, id).await;
        outcomes.insert((kind.as_str(), happened, finished));
        // Not at its end, but soon.
        move_back(&server, &namespace, LEASE / 2);
        lives.sweep(100).await.unwrap();
        let events = heard(&mut all).await;
        let context = format!("{step:?} after {answers} answers: {events:?}");
        assert!(events.iter().all(|event| event.kind == kind && event.handle == *old.handle()), "{context}");
        assert!(if happened { (1..=2).contains(&events.len()) } else { events.is_empty() }, "{context}");
        for event in events {
            assert_eq!(event.principal.is_some(), matches!(step, Step::SignIn), "{context}");
            assert_eq!(event.attributes.keys().map(|name| &**name).collect::<Vec<_>>(), ["tenant"]);
        }
        move_back(&server, &namespace, 2 * LEASE);
        lives.sweep(100).await.unwrap();
        assert_eq!(heard(&mut all).await, [], "{context}");
    }
    let each = |kind| [(kind, false, false), (kind, true, false), (kind, true, true)];
    assert_eq!(outcomes, BTreeSet::from_iter([each("created"), each("rotated")].concat()));
}

#[tokio::test]
async fn what_a_dead_node_has_not_told_is_told_by_whoever_comes_next_in_its_order() {
    let server = RedisServer::shared();
    let ended = EventKind::Deleted(Reason::Invalidated);
    for next in [EventKind::Rotated, ended, EventKind::Expired] {
        let namespace = namespace();
        let (dies, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let mut all = listener(&lives).await;
        let id = id();
        for answers in 0.. {
            killed_after(answers, dies.create(&id, &lasting(HOUR), FRESH)).await;
            if is_alive(&lives, &id).await {
                break;
            }
        }
        match next {
            EventKind::Rotated => {
                signed_in(&lives, &id, HOUR).await;
            }
            EventKind::Expired => {
                move_back(&server, &namespace, 2 * HOUR);
                lives.sweep(100).await.unwrap();
            }
            _ => {
                lives.delete(&id, op(), FRESH).await.unwrap();
            }
        }
        let events = heard(&mut all).await;
        assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Created, next]);
        assert!(events.is_sorted_by_key(|event| event.at));
        move_back(&server, &namespace, LEASE);
        lives.sweep(100).await.unwrap();
        assert_eq!(heard(&mut all).await, []);
    }
}

/// A node has rotated a session and not told it yet when its time comes.
#[tokio::test]
async fn a_node_that_tells_late_takes_no_expiry_along() {
    let server = RedisServer::shared();
    let mut met = 0;
    for answers in 0..14 {
        let namespace = namespace();
        let store = node(&server, &namespace).await;
        let mut all = listener(&store).await;
        let (old, new, none) = (begin(&store, HOUR).await, digest(), Changes::new());
        let mut slowly = store.rotate(&old, &new, &none, FRESH);
        if killed_after(answers, slowly.as_mut()).await {
            break;
        }
        if !is_alive(&store, &StoredId::new(*old.handle(), new)).await {
            continue;
        }
        move_back(&server, &namespace, 2 * HOUR);
        assert_eq!(slowly.await.unwrap(), Saved::Applied);
        store.sweep(100).await.unwrap();
        let events = heard(&mut all).await;
        assert!(events.iter().any(|event| event.kind == EventKind::Rotated), "{events:?}");
        assert_eq!(ends(&events, &old), [EventKind::Expired]);
        met += 1;
    }
    assert!(met > 0, "it was never met in between");
}

/// One node has rotated a session and not told it yet when another one rotates it and dies.
#[tokio::test]
async fn a_node_forgets_only_what_it_has_told() {
    let server = RedisServer::shared();
    let namespace = namespace();
    let (slow, dies) = (node(&server, &namespace).await, node(&server, &namespace).await);
    let mut all = listener(&slow).await;
    let mut met = 0;
    for answers in 0..14 {
        let (old, first, second, none) = (begin(&slow, HOUR).await, digest(), digest(), Changes::new());
        let between = StoredId::new(*old.handle(), first);
        let mut slowly = slow.rotate(&old, &first, &none, FRESH);
        if killed_after(answers, slowly.as_mut()).await {
            break;
        }
        if !is_alive(&slow, &between).await {
            continue;
        }
        for answers in 0.. {
            killed_after(answers, dies.rotate(&between, &second, &none, FRESH)).await;
            if is_alive(&slow, &StoredId::new(*old.handle(), second)).await {
                break;
            }
        }
        assert_eq!(slowly.await.unwrap(), Saved::Applied);
        move_back(&server, &namespace, LEASE / 2);
        slow.sweep(100).await.unwrap();
        let rotated = heard(&mut all).await.into_iter().filter(|event| event.kind == EventKind::Rotated);
        let times: BTreeSet<_> = rotated.map(|event| event.at).collect();
        assert_eq!(times.len(), 2, "after {answers} answers");
        met += 1;
    }
    assert!(met > 0, "the slow one was never met in between");
}

#[tokio::test]
async fn whichever_command_a_sweep_dies_after_every_end_is_told_and_nothing_is_left() {
    let server = RedisServer::shared();
    let mut finished = BTreeSet::new();
    for answers in (0..150).step_by(5) {
        let namespace = namespace();
        let (dies, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let mut all = listener(&lives).await;
        let mut begun = Vec::new();
        for _ in 0..20 {
            begun.push(begin(&lives, HOUR).await);
        }
        let living = begin(&lives, 3 * HOUR).await;
        move_back(&server, &namespace, 2 * HOUR);
        finished.insert(killed_after(answers, dies.sweep(100)).await);
        move_back(&server, &namespace, LEASE);
        lives.sweep(100).await.unwrap();
        let events = heard(&mut all).await;
        for id in &begun {
            let ends = ends(&events, id);
            assert!((1..=2).contains(&ends.len()), "{ends:?} after {answers} answers");
            assert!(ends.iter().all(|kind| *kind == EventKind::Expired));
        }
        assert!(is_alive(&lives, &living).await);
        lives.end(living.handle(), op()).await.unwrap();
        move_back(&server, &namespace, 2 * LEASE);
        lives.sweep(100).await.unwrap();
        assert_eq!(left(&server, &namespace), [""; 0], "after {answers} answers");
    }
    assert_eq!(finished.len(), 2, "it died never, or always");
}

/// A sweep that has seen a session alive, and hangs over it, must not undo that somebody is about to end it.
#[tokio::test]
async fn a_sweep_that_hangs_does_not_put_off_the_end_that_another_node_dies_over() {
    let server = RedisServer::shared();
    for polls in 1..=8 {
        let namespace = namespace();
        let (hangs, dies) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let lives = node(&server, &namespace).await;
        let mut all = listener(&lives).await;
        let ids = due_in_each_shard(&server, &namespace, &lives, HOUR).await;
        let mut sweep = hangs.sweep(100);
        assert!(!killed_after(polls, sweep.as_mut()).await, "it was to hang");
        for id in &ids {
            for answers in 1.. {
                killed_after(answers, dies.delete(id, op(), FRESH)).await;
                if !is_alive(&lives, id).await {
                    break;
                }
            }
        }
        sweep.await.unwrap();
        move_back(&server, &namespace, LEASE);
        lives.sweep(100).await.unwrap();
        let events = heard(&mut all).await;
        for id in &ids {
            assert!(!ends(&events, id).is_empty(), "after {polls} polls");
        }
    }
}

/// Sessions that are alive, and that a sweep is to look at all the same.
async fn due_in_each_shard(
    server: &RedisServer,
    namespace: &str,
    store: &RedisStore,
    idle: Duration,
) -> Vec<StoredId> {
    let mut ids = Vec::new();
    for shard in 0..16 {
        let id = id_in(shard);
        store.create(&id, &lasting(idle), FRESH).await.unwrap();
        let list = format!("{namespace}:expirations:{{{shard}}}");
        server.query::<()>(&["ZADD", &list, "1", &id.handle().to_string()]);
        ids.push(id);
    }
    ids
}

/// Nor may it undo that a session has got an earlier end, after which its record stays for a day only.
#[tokio::test]
async fn a_sweep_that_hangs_does_not_put_off_an_earlier_end() {
    let server = RedisServer::shared();
    for polls in 0..8 {
        let namespace = namespace();
        let (hangs, lives) = (node(&server, &namespace).await, node(&server, &namespace).await);
        let mut all = listener(&lives).await;
        let ids = due_in_each_shard(&server, &namespace, &lives, 30 * 24 * HOUR).await;
        let mut sweep = hangs.sweep(100);
        assert!(!killed_after(polls, sweep.as_mut()).await, "it was to hang");
        let mut earlier = Changes::new();
        earlier.idle = Some(Some(HOUR));
        for id in &ids {
            assert_eq!(lives.save(id, &earlier, FRESH).await.unwrap(), Saved::Applied);
        }
        sweep.await.unwrap();
        move_back(&server, &namespace, 13 * HOUR);
        lives.sweep(100).await.unwrap();
        let events = heard(&mut all).await;
        for id in &ids {
            assert_eq!(ends(&events, id), [EventKind::Expired], "after {polls} answers");
        }
    }
}

fn id_in(shard: u8) -> StoredId {
    loop {
        let id = id();
        if id.handle().as_bytes()[0] % 16 == shard {
            return id;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_sessions_that_expired_while_no_node_was_up_are_told_in_bounded_steps() {
    const SESSIONS: usize = 100_000;
    let server = RedisServer::start();
    let store = Arc::new(node(&server, "session").await);
    let mut tasks = Vec::new();
    for _ in 0..200 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let mut begun = Vec::new();
            for _ in 0..SESSIONS / 200 {
                begun.push(begin(&store, SECOND).await.handle().to_string());
            }
            begun
        }));
    }
    let mut begun = BTreeSet::new();
    for task in tasks {
        begun.extend(task.await.unwrap());
    }
    let mut living = Vec::new();
    for _ in 0..100 {
        living.push(begin(&store, HOUR).await);
    }
    drop(store);
    tokio::time::sleep(SECOND + SECOND / 5).await;

    // Both begin at once, as nodes do after a night.
    let settings = EventSettings::new().attributes(["tenant"]).capacity(4 * SESSIONS);
    let nodes = [
        Arc::new(node_with(&server, "session", settings.clone()).await),
        Arc::new(node_with(&server, "session", settings).await),
    ];
    let mut all = listener(&nodes[0]).await;
    let before = server.counters();
    let sweeps = nodes.clone().map(|node| {
        tokio::spawn(async move {
            let mut total = 0;
            loop {
                let swept = node.sweep(1000).await.unwrap();
                assert!(swept <= 1000);
                total += swept;
                if swept < 1000 {
                    return total;
                }
            }
        })
    });
    let mut swept = 0;
    for sweep in sweeps {
        swept += sweep.await.unwrap();
    }
    assert_eq!(swept, SESSIONS);
    let claims = server.counters().since(&before).calls("zrangebyscore");
    assert!(claims >= SESSIONS as u64 / 100, "{claims} times were some of them taken");
    let events = heard(&mut all).await;
    assert!(events.iter().all(|event| event.kind == EventKind::Expired && event.attributes.len() == 1));
    let told: BTreeSet<_> = events.iter().map(|event| event.handle.to_string()).collect();
    assert_eq!((told == begun, events.len()), (true, SESSIONS));
    for id in &living {
        assert!(is_alive(&nodes[0], id).await);
    }
    let records = left(&server, "session").into_iter().filter(|key| key.contains(":sessions:"));
    assert_eq!(records.count(), living.len());
}

/// Ten thousand sessions that begin, change, rotate, are signed in and end in every way.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_session_nothing_is_left_but_bounded_streams() {
    const CAPACITY: usize = 1600;
    let server = RedisServer::start_with(&["--hz", "100"]);
    let settings = EventSettings::new().attributes(["tenant"]).capacity(CAPACITY);
    let store = Arc::new(node_with(&server, "session", settings).await);
    let tasks = (0..20).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for round in 0..500 {
                one_life(&store, task * 500 + round).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let streamed = |server: &RedisServer| {
        let streams = (0..16).map(|shard| format!("session:events:{{{shard}}}"));
        streams.map(|stream| server.query::<usize>(&["XLEN", &stream])).sum::<usize>()
    };
    // Redis trims by whole nodes of a hundred entries.
    let entries = streamed(&server);
    assert!((1..=CAPACITY + 16 * 100).contains(&entries), "{entries} entries");
    tokio::time::sleep(SECOND + SECOND / 5).await;
    move_back(&server, "session", Duration::from_secs(130));
    for _ in 0..600 {
        while store.sweep(1000).await.unwrap() == 1000 {}
        if left(&server, "session").is_empty() {
            let entries = streamed(&server);
            assert!(entries <= CAPACITY + 16 * 100, "{entries} entries");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left = left(&server, "session");
    panic!("{} keys are left, {:?} for instance", left.len(), &left[..left.len().min(3)]);
}

async fn one_life(store: &RedisStore, number: usize) {
    let access = Access::new(Duration::ZERO, Duration::from_millis(1));
    let id = begin(store, SECOND).await;
    let mut changes = setting("a", "1");
    changes.touch = number.is_multiple_of(2);
    store.save(&id, &changes, access).await.unwrap();
    let mut id = id;
    if number.is_multiple_of(3) {
        let principal = format!("user {}", number % 50);
        let expiry = Expiry::idle(SECOND).unwrap();
        let request = SignIn::new(principal.as_str().into(), digest(), expiry, Changes::new(), op());
        let request = request.with_limit(SessionLimit::evict_oldest(3).unwrap());
        if store.sign_in(&id, &request, access).await.unwrap() == SignedIn::Applied {
            id = StoredId::new(*id.handle(), request.new);
        }
    }
    match number % 7 {
        0 => drop(store.delete(&id, op(), access).await.unwrap()),
        1 => store.end(id.handle(), op()).await.unwrap(),
        2 => {
            let new = digest();
            if store.rotate(&id, &new, &changes, access).await.unwrap() == Saved::Applied {
                let rotated = StoredId::new(*id.handle(), new);
                store.delete(&rotated, op(), access).await.unwrap();
            }
        }
        3 => drop(store.rotate(&id, &digest(), &changes, access).await.unwrap()),
        4 => drop(store.take(&id, "a", access).await.unwrap()),
        5 => {
            let mut changes = Changes::new();
            changes.idle = Some(Some(SECOND / 2));
            store.save(&id, &changes, access).await.unwrap();
        }
        _ => {
            let principal = format!("user {}", number % 50);
            store.revoke(&principal.as_str().into(), &Revocation::new(op(), SECOND)).await.unwrap();
            let page = Page::first(100);
            store.find(&principal.as_str().into(), Select::Metadata, &page).await.unwrap();
        }
    }
    store.touch(&id, access).await.unwrap();
}

#[tokio::test]
async fn evicted_and_revoked_sessions_are_told_as_such() {
    let server = RedisServer::shared();
    let store = node(&server, &namespace()).await;
    let mut all = listener(&store).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = begin(&store, HOUR).await;
        let expiry = Expiry::idle(HOUR).unwrap();
        let request = SignIn::new("ada: Ω".into(), digest(), expiry, Changes::new(), op());
        let request = request.with_limit(SessionLimit::evict_oldest(2).unwrap());
        assert_eq!(store.sign_in(&id, &request, FRESH).await.unwrap(), SignedIn::Applied);
        ids.push(id);
    }
    let events = heard(&mut all).await;
    let mut evicted = ids.iter().filter(|id| !ends(&events, id).is_empty());
    let evicted = evicted.next().unwrap().clone();
    assert_eq!(ends(&events, &evicted), [EventKind::Deleted(Reason::Evicted)]);
    ids.retain(|id| *id != evicted);
    let revoked = store.revoke(&"ada: Ω".into(), &Revocation::new(op(), HOUR)).await.unwrap();
    assert_eq!(revoked.ended, 2);
    let events = heard(&mut all).await;
    for id in &ids {
        assert_eq!(ends(&events, id), [EventKind::Deleted(Reason::Revoked)]);
    }
    assert!(events.iter().all(|event| event.principal == Some("ada: Ω".into())), "{events:?}");
}

#[tokio::test]
async fn namespaces_never_hear_of_each_other() {
    let server = RedisServer::shared();
    let (one, other) = (namespace(), namespace());
    let stores = [node(&server, &one).await, node(&server, &other).await];
    let mut ears = Vec::new();
    for store in &stores {
        let events = store.capabilities().events.unwrap();
        ears.push(events.subscribe(&Delivery::EveryNode).await.unwrap());
        ears.push(events.subscribe(&Delivery::one_of("mail")).await.unwrap());
    }
    let ids = [begin(&stores[0], HOUR).await, begin(&stores[1], HOUR).await];
    move_back(&server, &one, 2 * HOUR);
    assert_eq!((stores[1].sweep(9).await.unwrap(), stores[0].sweep(9).await.unwrap()), (0, 1));
    for (number, ear) in ears.iter_mut().enumerate() {
        let events = heard(ear).await;
        assert!(events.iter().all(|event| event.handle == *ids[number / 2].handle()), "{events:?}");
        assert_eq!(events.len(), 2 - number / 2);
    }
}

#[tokio::test]
async fn what_each_operation_costs() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let mut commands = server.counters();
    let mut cost = async || {
        let now = server.counters();
        let cost = now.since(&commands);
        commands = now;
        cost.calls("evalsha") + cost.calls("zrem") + cost.calls("hgetall")
    };
    let id = begin(&store, HOUR).await;
    assert_eq!(cost().await, 5, "begin");
    assert!(is_alive(&store, &id).await);
    store.save(&id, &setting("a", "1"), FRESH).await.unwrap();
    store.touch(&id, FRESH).await.unwrap();
    assert_eq!(cost().await, 2, "what is no event");
    let new = digest();
    store.rotate(&id, &new, &Changes::new(), FRESH).await.unwrap();
    assert_eq!(cost().await, 4, "rotate");
    store.delete(&StoredId::new(*id.handle(), new), op(), FRESH).await.unwrap();
    // The zrem of a script counts too, where there is one.
    assert_eq!(cost().await, 5, "end");
}

#[tokio::test]
async fn no_sweep_looks_at_a_session_that_has_begun_and_was_told_before_its_time() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let id = begin(&store, HOUR).await;
    let list = format!("session:expirations:{{{}}}", id.handle().as_bytes()[0] % 16);
    let due: u64 = server.query(&["ZSCORE", &list, &id.handle().to_string()]);
    let times: String = server.query(&["HGET", &format!("session:sessions:{}", id.handle()), "m"]);
    let ends: u64 = times.split(' ').next_back().unwrap().parse().unwrap();
    assert_eq!(due, ends);
}

#[tokio::test]
async fn an_entry_is_readable_where_it_lies() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let id = begin(&store, HOUR).await;
    let stream = format!("session:events:{{{}}}", id.handle().as_bytes()[0] % 16);
    let entries: Vec<(String, BTreeMap<String, String>)> = server.query(&["XRANGE", &stream, "-", "+"]);
    let fields: Vec<_> = entries[0].1.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let created: String = server.query(&["HGET", &format!("session:sessions:{}", id.handle()), "m"]);
    let created = created.split(' ').next().unwrap();
    let handle = id.handle().to_string();
    assert_eq!(fields, [("a:tenant", "1"), ("h", &handle), ("k", "created"), ("t", created)]);
}

#[tokio::test]
async fn a_tombstone_holds_what_is_told_only_until_it_is_told() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let id = begin(&store, HOUR).await;
    store.delete(&id, op(), FRESH).await.unwrap();
    let key = format!("session:sessions:{}", id.handle());
    let mut fields: Vec<String> = server.query(&["HKEYS", &key]);
    fields.sort();
    assert_eq!(fields, ["m", "y"]);
    assert!((110_000..=120_000).contains(&server.query::<i64>(&["PTTL", &key])));
}

#[tokio::test]
async fn a_group_whose_stream_was_lost_goes_on() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let mut member = store.capabilities().events.unwrap().subscribe(&Delivery::one_of("mail")).await.unwrap();
    begin(&store, HOUR).await;
    assert_eq!(heard(&mut member).await.len(), 1);
    server.query::<()>(&["FLUSHALL"]);
    begin(&store, HOUR).await;
    let mut events = heard(&mut member).await;
    events.extend(heard(&mut member).await);
    assert_eq!(events.len(), 1);
}

#[tokio::test]
async fn an_event_of_a_later_version_is_passed_over() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let events = store.capabilities().events.unwrap();
    let mut all = events.subscribe(&Delivery::EveryNode).await.unwrap();
    let mut member = events.subscribe(&Delivery::one_of("mail")).await.unwrap();
    let handle = id().handle().to_string();
    let stream = format!("session:events:{{{}}}", 3);
    let fields = ["k", "migrated", "h", handle.as_str(), "t", "1893456000000"];
    server.query::<String>(&[&["XADD", &stream, "*"], &fields[..]].concat());
    begin(&store, HOUR).await;
    for subscription in [&mut all, &mut member] {
        let mut events = heard(subscription).await;
        events.extend(heard(subscription).await);
        assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Created]);
    }
    let id = begin(&store, HOUR).await;
    let key = format!("session:sessions:{}", id.handle());
    server.query::<()>(&["HSET", &key, "u", "migrated 1893456000000 "]);
    signed_in(&store, &id, HOUR).await;
    assert_eq!(server.query::<String>(&["HGET", &key, "u"]), "migrated 1893456000000 ");
    type Pending = (usize, Option<String>, Option<String>, Option<String>);
    assert_eq!(server.query::<Pending>(&["XPENDING", &stream, "mail"]).0, 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_stop_the_sweep() {
    let server = RedisServer::start();
    let store = node(&server, "session").await;
    let mut all = listener(&store).await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(begin(&store, HOUR).await);
    }
    let key = format!("session:sessions:{}", ids[0].handle());
    server.query::<()>(&["SET", &key, "what another program has put there"]);
    move_back(&server, "session", 2 * HOUR);
    assert_eq!(store.sweep(100).await.unwrap(), 39);
    let events = heard(&mut all).await;
    assert_eq!(events.iter().filter(|event| event.kind == EventKind::Expired).count(), 39);
}
