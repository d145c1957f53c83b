//! What the memory store promises: the contract of all stores, and what is its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails panics")]

mod bound;
mod conformance;
mod events;
mod time;

use std::time::Duration;

use session_core::{
    Access, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, OpId, OsRandom, Random, Select,
    SessionStore, StoredId,
};
use session_memory::{Builder, MemoryStore};
use session_testkit::ManualClock;

const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);
const MINUTE: Duration = Duration::from_secs(60);

fn with_clock(settings: impl FnOnce(Builder) -> Builder) -> (MemoryStore, ManualClock) {
    let clock = ManualClock::new();
    (settings(MemoryStore::builder().clock(clock.clone())).build(), clock)
}

fn id() -> StoredId {
    let mut bytes = [0; 16];
    OsRandom::default().fill(&mut bytes).unwrap();
    StoredId::new(Handle::from_bytes(bytes), Digest::from_bytes(bytes))
}

fn op() -> OpId {
    OpId::generate(&OsRandom::default()).unwrap()
}

async fn begin(store: &MemoryStore, idle: Duration) -> StoredId {
    let id = id();
    let new = NewRecord::new(Expiry::idle(idle).unwrap());
    assert_eq!(store.create(&id, &new, FRESH).await.unwrap(), Created::Created);
    id
}

async fn load(store: &MemoryStore, id: &StoredId) -> Load {
    store.load(id, Select::All, FRESH).await.unwrap()
}

fn setting(value: &str) -> Changes {
    let mut changes = Changes::new();
    changes.set("name", value.to_owned());
    changes
}
