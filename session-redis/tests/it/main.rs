//! The Redis store against real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that does not hold panics"
)]

use std::time::Duration;

use session_core::{
    Access, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, Saved, Select, SessionStore, StoredId,
    Taken,
};
use session_redis::RedisStore;
use session_testkit::RedisServer;

fn now() -> Access {
    Access::new(Duration::ZERO, Duration::from_secs(60))
}

#[tokio::test]
async fn first() {
    let server = RedisServer::start();
    let store = RedisStore::connect(server.url()).await.unwrap();
    let id = StoredId::new(Handle::from_bytes([7; 16]), Digest::from_bytes([9; 16]));
    let mut new = NewRecord::new(Expiry::default());
    new.attributes.insert("v".into(), "32".into());
    let before = server.counters();
    assert_eq!(store.create(&id, &new, now()).await.unwrap(), Created::Created);
    eprintln!("{:?}", server.counters().since(&before));
    let Load::Live { record, now: at } = store.load(&id, Select::All, now()).await.unwrap() else { panic!() };
    eprintln!("{record:?} {at:?}");
    assert_eq!(record.attributes["v"], "32");
    let mut changes = Changes::new();
    changes.set("w", "1");
    assert_eq!(store.save(&id, &changes, now()).await.unwrap(), Saved::Applied);
    changes.touch = true;
    changes.remove("v");
    assert_eq!(store.save(&id, &changes, now()).await.unwrap(), Saved::Applied);
    assert_eq!(store.take(&id, "w", now()).await.unwrap(), Taken::Value("1".into()));
    store.touch(&id, now()).await.unwrap();
    let new = Digest::from_bytes([1; 16]);
    assert_eq!(store.rotate(&id, &new, &changes, now()).await.unwrap(), Saved::Applied);
    assert_eq!(store.save(&id, &changes, now()).await.unwrap(), Saved::Gone);
    for select in [Select::All, Select::Only(&["w"]), Select::Metadata] {
        assert_eq!(store.load(&id, select, now()).await.unwrap(), Load::Gone);
    }
    let id = StoredId::new(*id.handle(), new);
    let Load::Live { record, .. } = store.load(&id, Select::Only(&["w", "q"]), now()).await.unwrap() else {
        panic!()
    };
    assert_eq!(record.attributes.len(), 1);
    store
        .end(id.handle(), session_core::OpId::generate(&session_core::OsRandom::default()).unwrap())
        .await
        .unwrap();
    assert_eq!(store.load(&id, Select::All, now()).await.unwrap(), Load::Gone);
    eprintln!("{store:?}");
}
