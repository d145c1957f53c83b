//! What the tests of the store have in common.

use std::time::Duration;

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, OpId, OsRandom, Random as _, Record,
    Select, SessionStore, StoredId,
};
use session_redis::RedisStore;

/// A request that has just arrived, on a node that notes a use every minute.
pub(crate) const NOW: Access = Access::new(Duration::ZERO, Duration::from_secs(60));

/// A namespace that no other test has.
pub(crate) fn namespace() -> String {
    format!("test-{}", Handle::from_bytes(random()))
}

/// A store at this port of 127.0.0.1.
pub(crate) async fn store_at(port: u16) -> RedisStore {
    RedisStore::connect(format!("redis://127.0.0.1:{port}")).await.unwrap()
}

pub(crate) fn digest() -> Digest {
    Digest::from_bytes(random())
}

pub(crate) fn id() -> StoredId {
    StoredId::new(Handle::from_bytes(random()), digest())
}

pub(crate) fn op() -> OpId {
    OpId::generate(&OsRandom::default()).unwrap()
}

pub(crate) fn setting(name: &str, value: &'static str) -> Changes {
    let mut changes = Changes::new();
    changes.set(name, value);
    changes
}

/// A session of an hour, with the attribute `n` = `0`.
pub(crate) fn counting() -> NewRecord {
    let mut new = NewRecord::new(Expiry::idle(Duration::from_secs(3600)).unwrap());
    new.attributes.insert("n".into(), "0".into());
    new
}

#[async_trait]
pub(crate) trait StoreExt: SessionStore {
    /// A session of an hour, with the attribute `n` = `0`.
    async fn begin(&self) -> StoredId {
        let id = id();
        assert_eq!(self.create(&id, &counting(), NOW).await.unwrap(), Created::Created);
        id
    }

    async fn find(&self, id: &StoredId) -> Option<Record> {
        match self.load(id, Select::All, NOW).await.unwrap() {
            Load::Live { record, .. } => Some((*record).clone()),
            Load::Gone | Load::Absent => None,
        }
    }

    /// An attribute of a session that must be alive.
    async fn value(&self, id: &StoredId, name: &str) -> Option<String> {
        let record = self.find(id).await.expect("the session is alive");
        record.attributes.get(name).map(|value| String::from_utf8(value.to_vec()).unwrap())
    }
}

impl<S: SessionStore + ?Sized> StoreExt for S {}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRandom::default().fill(&mut bytes).unwrap();
    bytes
}
