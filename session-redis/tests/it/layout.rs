//! What lies in the server, how large it is, and that nothing is left behind.

use std::time::Duration;

use session_core::{
    Access, Expiry, NewRecord, Principals as _, Saved, SessionStore, SignIn, SignedIn, StoredId,
};
use session_testkit::RedisServer;

use crate::support::{NOW, StoreExt as _, digest, id, move_back, op, setting, store_at};

fn key(id: &StoredId) -> String {
    format!("session:sessions:{}", id.handle())
}

fn lasting(expiry: Expiry, attributes: &[(&str, usize)]) -> NewRecord {
    let mut new = NewRecord::new(expiry);
    for (name, size) in attributes {
        new.attributes.insert((*name).into(), vec![b'v'; *size].into());
    }
    new
}

/// Peers take 213 to 309 bytes for this session.
#[tokio::test]
async fn a_small_session_lies_in_the_compact_form() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = id();
    store.create(&id, &lasting(Expiry::default(), &[("v", 32)]), NOW).await.unwrap();
    assert_eq!(server.query::<String>(&["OBJECT", "ENCODING", &key(&id)]), "listpack");
    let used: u64 = server.query(&["MEMORY", "USAGE", &key(&id), "SAMPLES", "0"]);
    assert!(used <= 309, "{used} bytes");

    let expiry = Expiry::default().and_absolute(Duration::from_secs(86_400)).unwrap();
    let principal = "somebody@example.org".into();
    let sign_in = SignIn::new(principal, digest(), expiry, setting("another", "value"), op());
    store.capabilities().renewal.unwrap().renew(&id, &digest(), NOW).await.unwrap();
    assert_eq!(store.sign_in(&id, &sign_in, NOW).await.unwrap(), SignedIn::Applied);
    assert_eq!(server.query::<String>(&["OBJECT", "ENCODING", &key(&id)]), "listpack");
}

#[tokio::test]
async fn the_record_is_readable_where_it_may_be_and_holds_no_secret() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = id();
    store.create(&id, &lasting(Expiry::default(), &[("v", 2)]), NOW).await.unwrap();
    let fields: Vec<String> = server.query(&["HKEYS", &key(&id)]);
    assert_eq!(fields, ["d", "m", "a:v"]);
    let times: String = server.query(&["HGET", &key(&id), "m"]);
    let times: Vec<&str> = times.split(' ').collect();
    let [created, last, idle, stop, ends] = times[..] else { panic!("{times:?}") };
    assert_eq!((created, idle, stop), (last, "1800000", "-"));
    let ends: u64 = ends.parse().unwrap();
    assert_eq!(ends, created.parse::<u64>().unwrap() + 1_860_000);
    assert_eq!(server.query::<u64>(&["PEXPIRETIME", &key(&id)]), ends - 1, "a key expires after its time");
}

#[tokio::test]
async fn a_removed_attribute_leaves_no_field() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = store.begin().await;
    let mut changes = setting("a", "1");
    changes.remove("n");
    store.save(&id, &changes, NOW).await.unwrap();
    store.take(&id, "a", NOW).await.unwrap();
    let fields: Vec<String> = server.query(&["HKEYS", &key(&id)]);
    assert_eq!(fields, ["d", "m"]);
}

#[tokio::test]
async fn a_never_ending_session_has_no_expiry_until_it_is_given_one() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = id();
    let left = || server.query::<i64>(&["PTTL", &key(&id)]);
    store.create(&id, &lasting(Expiry::never(), &[]), NOW).await.unwrap();
    assert_eq!(left(), -1);
    let mut changes = setting("a", "1");
    changes.idle = Some(Some(Duration::from_secs(60)));
    store.save(&id, &changes, NOW).await.unwrap();
    assert!((60_000..=66_000).contains(&left()));
    changes.idle = Some(None);
    store.save(&id, &changes, NOW).await.unwrap();
    assert_eq!(left(), -1);
    store.delete(&id, op(), NOW).await.unwrap();
    assert!((110_000..=120_000).contains(&left()));
}

#[tokio::test]
async fn a_tombstone_holds_nothing_of_the_session() {
    let server = RedisServer::start();
    let store = store_at(server.port()).await;
    let id = store.begin().await;
    store.delete(&id, op(), NOW).await.unwrap();
    let mut fields: Vec<String> = server.query(&["HKEYS", &key(&id)]);
    fields.sort();
    assert_eq!(fields, ["m", "y"]);
}

/// Sessions that begin, change, rotate and end in every way, two thousand of them.
#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_session_nothing_is_left() {
    // Redis looks for expired keys so many times a second, at a few of them.
    let server = RedisServer::start_with(&["--hz", "100"]);
    let store = store_at(server.port()).await;
    let access = Access::new(Duration::ZERO, Duration::from_millis(1));
    let short = lasting(Expiry::idle(Duration::from_secs(1)).unwrap(), &[("v", 32)]);
    let mut tombstones = 0;
    for round in 0..2000 {
        let begun = id();
        store.create(&begun, &short, access).await.unwrap();
        let mut changes = setting("a", "1");
        changes.touch = round % 2 == 0;
        store.save(&begun, &changes, access).await.unwrap();
        store.touch(&begun, access).await.unwrap();
        let new = digest();
        let rotated = StoredId::new(*begun.handle(), new);
        let ended = match round % 5 {
            0 => store.delete(&begun, op(), access).await.unwrap() == Saved::Applied,
            1 => store.end(begun.handle(), op()).await.is_ok(),
            2 => {
                store.rotate(&begun, &new, &changes, access).await.unwrap();
                store.delete(&rotated, op(), access).await.unwrap() == Saved::Applied
            }
            3 => {
                store.rotate(&begun, &new, &changes, access).await.unwrap();
                false
            }
            _ => {
                store.take(&begun, "a", access).await.unwrap();
                store.save(&rotated, &changes, access).await.unwrap();
                store.touch(&id(), access).await.unwrap();
                false
            }
        };
        tombstones += usize::from(ended);
    }
    assert!(tombstones > 0);
    size_becomes(&server, tombstones).await;
    for key in server.query::<Vec<String>>(&["KEYS", "*"]) {
        assert_eq!(server.query::<u32>(&["HEXISTS", &key, "d"]), 0, "only tombstones are left");
        assert!((1..=120_000).contains(&server.query::<i64>(&["PTTL", &key])));
    }
    move_back(&server, "session", Duration::from_secs(120));
    size_becomes(&server, 0).await;
}

async fn size_becomes(server: &RedisServer, keys: usize) {
    for _ in 0..600 {
        if server.query::<usize>(&["DBSIZE"]) == keys {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} keys instead of {keys}", server.query::<usize>(&["DBSIZE"]));
}
