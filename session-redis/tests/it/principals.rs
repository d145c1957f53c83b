//! The index of principals in Redis' own terms: what a failover undoes, what a crash leaves, what a hundred thousand cost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Access, Changes, Expiry, Handle, Load, Page, Principal, Principals, Revocation, Saved, Select,
    SessionLimit, SessionStore as _, SignIn, SignedIn, StoredId, Timestamp,
};
use session_redis::RedisStore;
use session_testkit::RedisServer;

use crate::support::{StoreExt as _, digest, id, op, setting, store_at};

/// A request that has just arrived, on a node that notes every use.
const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
const HOUR: Duration = Duration::from_secs(3600);

fn key(id: &StoredId) -> String {
    format!("session:sessions:{}", id.handle())
}

fn index(principal: &str) -> String {
    format!("session:principals:{principal}")
}

fn request(principal: &str) -> SignIn {
    SignIn::new(principal.into(), digest(), Expiry::idle(HOUR).unwrap(), setting("v", "1"), op())
}

async fn signed_in(store: &RedisStore, principal: &str) -> StoredId {
    let id = store.begin().await;
    let request = request(principal);
    assert_eq!(store.sign_in(&id, &request, FRESH).await.unwrap(), SignedIn::Applied);
    StoredId::new(*id.handle(), request.new)
}

async fn is_alive(store: &RedisStore, id: &StoredId) -> bool {
    matches!(store.load(id, Select::Metadata, FRESH).await.unwrap(), Load::Live { .. })
}

async fn found(store: &RedisStore, principal: &str) -> HashSet<Handle> {
    let page = Page::first(100);
    let found = Principals::find(store, &principal.into(), Select::Metadata, &page).await.unwrap();
    found.sessions.into_iter().map(|(handle, _)| handle).collect()
}

async fn revoke(store: &RedisStore, principal: &str) -> usize {
    let revocation = Revocation::new(op(), HOUR);
    store.revoke(&principal.into(), &revocation).await.unwrap().ended
}

#[tokio::test]
async fn no_end_of_a_session_is_later_than_that_of_its_entry() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let mut id = signed_in(&store, "ada").await;
    let check = |id: &StoredId, after: &str| {
        let times: String = server.query(&["HGET", &key(id), "m"]);
        let ends: u64 = times.rsplit(' ').next().unwrap().parse().unwrap();
        let entry: u64 = server.query(&["ZSCORE", &index("ada"), &id.handle().to_string()]);
        assert!(entry >= ends, "after {after}: {entry} {ends}");
        assert!(server.query::<u64>(&["PEXPIRETIME", &index("ada")]) >= entry);
    };
    check(&id, "the sign-in");
    let mut changes = setting("v", "2");
    for (idle, after) in [(2 * HOUR, "a longer timeout"), (HOUR, "a shorter one")] {
        changes.idle = Some(Some(idle));
        assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
        check(&id, after);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.touch(&id, FRESH).await.unwrap();
    check(&id, "a touch");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let new = digest();
    changes.idle = None;
    changes.touch = true;
    assert_eq!(store.rotate(&id, &new, &changes, FRESH).await.unwrap(), Saved::Applied);
    id = StoredId::new(*id.handle(), new);
    check(&id, "a rotation");
    changes.idle = Some(None);
    assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(server.query::<i64>(&["PTTL", &key(&id)]), -1, "it never ends");
    assert_eq!(server.query::<i64>(&["PTTL", &index("ada")]), -1);
    store.delete(&id, op(), FRESH).await.unwrap();
    assert_eq!(server.query::<u8>(&["EXISTS", &index("ada")]), 0);
}

/// The node may die, or its client hang up, when the session has its new timeout and its entry does not know of it yet.
#[tokio::test]
async fn a_timeout_that_did_not_reach_the_entry_reaches_it_with_the_next_use() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    for idle in [Some(2 * HOUR), None] {
        let id = signed_in(&store, "ada").await;
        // Nothing can be written to the entry meanwhile.
        server.query::<()>(&["RENAME", &index("ada"), "aside"]);
        server.query::<()>(&["SET", &index("ada"), "in the way"]);
        let mut changes = Changes::new();
        changes.idle = Some(idle);
        assert_eq!(store.save(&id, &changes, FRESH).await.unwrap(), Saved::Applied);
        server.query::<()>(&["RENAME", "aside", &index("ada")]);

        let Load::Live { record, now } = store.load(&id, Select::Metadata, FRESH).await.unwrap() else {
            panic!("the session has ended");
        };
        assert!(record.expires_at < now.saturating_add(2 * HOUR), "the entry was extended");
        assert!(record.is_touch_due(now), "{idle:?}");
        store.touch(&id, FRESH).await.unwrap();
        let Load::Live { record, .. } = store.load(&id, Select::Metadata, FRESH).await.unwrap() else {
            panic!("the session has ended");
        };
        let ends = record.expires_at;
        let expected = idle.map_or(Timestamp::NEVER, |idle| now.saturating_add(idle));
        assert!(ends >= expected, "{idle:?}: {ends:?}");
    }
}

/// An index that a failover has lost is written again by the next use that is noted.
#[tokio::test]
async fn a_lost_entry_is_healed_by_the_next_use() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let (touched, saved) = (signed_in(&store, "ada").await, signed_in(&store, "ada").await);
    server.query::<()>(&["DEL", &index("ada")]);
    assert!(found(&store, "ada").await.is_empty());
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.touch(&touched, FRESH).await.unwrap();
    let mut blind = setting("v", "2");
    blind.touch = true;
    assert_eq!(store.save(&saved, &blind, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(found(&store, "ada").await, HashSet::from([*touched.handle(), *saved.handle()]));
    assert_eq!(revoke(&store, "ada").await, 2);
    assert!(!is_alive(&store, &touched).await && !is_alive(&store, &saved).await);
}

/// A failover that lost the end of a session, after a logout everywhere that it did not lose.
#[tokio::test]
async fn a_session_that_a_failover_brought_back_ends_at_its_next_use() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    for by_touch in [true, false] {
        let id = signed_in(&store, "ada").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let copy = format!("copy of {}", id.handle());
        server.query::<()>(&["COPY", &key(&id), &copy]);
        assert_eq!(revoke(&store, "ada").await, 1);
        server.query::<()>(&["DEL", &key(&id)]);
        server.query::<()>(&["RENAME", &copy, &key(&id)]);
        assert!(is_alive(&store, &id).await, "the tombstone was lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
        if by_touch {
            store.touch(&id, FRESH).await.unwrap();
        } else {
            let mut blind = setting("v", "2");
            blind.touch = true;
            store.save(&id, &blind, FRESH).await.unwrap();
        }
        assert!(!is_alive(&store, &id).await);
        assert!(found(&store, "ada").await.is_empty());
    }
}

#[tokio::test]
async fn a_limit_counts_nobody_who_is_dead_however_many_live() {
    const MANY: usize = 1002;
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    for _ in 0..MANY / 3 {
        tokio::join!(signed_in(&store, "ada"), signed_in(&store, "ada"), signed_in(&store, "ada"));
    }
    let listed: Vec<String> = server.query(&["ZREVRANGE", &index("ada"), "0", "0"]);
    server.query::<()>(&["DEL", &format!("session:sessions:{}", listed[0])]);
    for expected in [SignedIn::Applied, SignedIn::Full] {
        let request = request("ada").with_limit(SessionLimit::reject(MANY).unwrap());
        let id = store.begin().await;
        assert_eq!(store.sign_in(&id, &request, FRESH).await.unwrap(), expected);
    }
}

/// A node that dies after it has marked whom it evicts, and before it has ended them.
#[tokio::test]
async fn whoever_meets_a_marked_session_ends_it() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let mark =
        |id: &StoredId| server.query::<()>(&["ZADD", &index("ada"), "0", &format!("@{}", id.handle())]);

    let marked = signed_in(&store, "ada").await;
    mark(&marked);
    let newcomer = signed_in(&store, "ada").await;
    assert!(!is_alive(&store, &marked).await, "the next sign-in ends it");
    assert_eq!(found(&store, "ada").await, HashSet::from([*newcomer.handle()]));

    mark(&newcomer);
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.touch(&newcomer, FRESH).await.unwrap();
    assert!(!is_alive(&store, &newcomer).await, "so does its own next use");

    let third = signed_in(&store, "ada").await;
    mark(&third);
    assert_eq!(revoke(&store, "ada").await, 1, "and a logout everywhere");
    assert!(!is_alive(&store, &third).await);
}

#[tokio::test]
async fn an_eviction_leaves_nothing_of_whom_it_ended() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let limit = SessionLimit::evict_oldest(1).unwrap();
    for _ in 0..3 {
        let id = store.begin().await;
        store.sign_in(&id, &request("ada").with_limit(limit), FRESH).await.unwrap();
        assert_eq!(server.query::<u8>(&["ZCARD", &index("ada")]), 2, "one session, and when it entered");
    }
}

/// A session that was marked and signs in again does not escape.
#[tokio::test]
async fn a_marked_session_does_not_escape_by_signing_in_again() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = signed_in(&store, "ada").await;
    server.query::<()>(&["ZADD", &index("ada"), "0", &format!("@{}", id.handle())]);
    assert_eq!(store.sign_in(&id, &request("ada"), FRESH).await.unwrap(), SignedIn::Gone);
    assert!(found(&store, "ada").await.is_empty());
}

/// What a node leaves that dies between the two steps of signing in under somebody else's session.
#[tokio::test]
async fn an_entry_that_names_somebody_elses_session_ends_nobody() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let ada = signed_in(&store, "ada").await;
    let handle = ada.handle().to_string();
    let plant = || {
        server.query::<()>(&[
            "ZADD",
            &index("bob"),
            "253402300799999",
            &handle,
            "-1000",
            &format!("@{handle}"),
        ]);
    };
    plant();
    assert_eq!(revoke(&store, "bob").await, 0);
    assert!(is_alive(&store, &ada).await);
    plant();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let limit = SessionLimit::evict_oldest(1).unwrap();
    let bob = store.begin().await;
    let answer = store.sign_in(&bob, &request("bob").with_limit(limit), FRESH).await.unwrap();
    assert_eq!(answer, SignedIn::Applied);
    assert!(is_alive(&store, &ada).await);
    assert!(found(&store, "bob").await.contains(bob.handle()));
}

/// A hundred thousand sessions of one principal, as the store writes them.
fn plant(server: &RedisServer, principal: &str, sessions: usize) {
    const PLANT: &str = r"
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local ends = now + 3600000
        for i = 3, #ARGV do
          local key = ARGV[1] .. ':sessions:' .. ARGV[i]
          redis.call('HSET', key, 'd', 'sixteen bytes ok', 'm', string.format('%.0f %.0f 3600000 - %.0f', now, now, ends),
            'p', string.format('%.0f %s', now, ARGV[2]))
          redis.call('PEXPIREAT', key, ends)
          redis.call('ZADD', ARGV[1] .. ':principals:' .. ARGV[2], ends, ARGV[i], -now, '@' .. ARGV[i])
        end";
    let handles: Vec<String> = (0..sessions).map(|_| id().handle().to_string()).collect();
    for some in handles.chunks(2000) {
        let mut command = vec!["EVAL", PLANT, "0", "session", principal];
        command.extend(some.iter().map(String::as_str));
        server.query::<()>(&command);
    }
}

/// No command takes long, whatever a principal has; and 64 sign-ins that arrived before a logout everywhere, and
/// come in its midst, lose.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_sessions_of_a_principal_are_paged_and_ended_in_bounded_steps() {
    const SESSIONS: usize = 100_000;
    // Microseconds: what is slower is noted.
    let server = RedisServer::start_with(&["--slowlog-log-slower-than", "100000"]);
    plant(&server, "ada", SESSIONS);
    server.query::<()>(&["SLOWLOG", "RESET"]);
    let store = Arc::new(store_at(server.port()).await);
    let ada = Principal::from("ada");
    assert_eq!(store.count(&ada).await.unwrap(), SESSIONS);

    let mut seen = HashSet::new();
    let mut page = Page::first(1000);
    loop {
        let found = Principals::find(&*store, &ada, Select::Metadata, &page).await.unwrap();
        seen.extend(found.sessions.into_iter().map(|(handle, _)| handle));
        let Some(next) = found.next else { break };
        page = Page::after(next, 1000);
    }
    assert_eq!(seen.len(), SESSIONS);

    let sign_ins: Vec<_> = (0..64)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let id = store.begin().await;
                tokio::time::sleep(Duration::from_millis(number * 5)).await;
                let request = request("ada");
                let long_ago = Access::new(Duration::from_secs(30), Duration::ZERO);
                store.sign_in(&id, &request, long_ago).await.unwrap();
                StoredId::new(*id.handle(), request.new)
            })
        })
        .collect();
    let mut revocation = Revocation::new(op(), HOUR);
    let mut ended = 0;
    loop {
        let step = store.revoke(&ada, &revocation).await.unwrap();
        ended += step.ended;
        if !step.more {
            break;
        }
        revocation = revocation.continued(step.at);
    }
    assert!((SESSIONS..=SESSIONS + 64).contains(&ended), "{ended}");
    for id in sign_ins {
        assert!(!is_alive(&store, &id.await.unwrap()).await);
    }
    assert_eq!(store.count(&ada).await.unwrap(), 0);
    assert_eq!(server.query::<usize>(&["SLOWLOG", "LEN"]), 0, "no command took 100 ms");
}
