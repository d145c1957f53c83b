//! A session, an id, a change: what a test of a store begins with.

use std::time::Duration;

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, OpId, OsRandom, Random as _, Record,
    Saved, Select, SessionStore, StoredId,
};

/// A request that has just arrived, on a node that notes a use every minute.
pub const NOW: Access = Access::new(Duration::ZERO, Duration::from_secs(60));

/// What some secret digests to.
#[must_use]
pub fn digest() -> Digest {
    Digest::from_bytes(random())
}

/// A handle that no other session has.
#[must_use]
pub fn handle() -> Handle {
    Handle::from_bytes(random())
}

/// An id that no other session has.
#[must_use]
pub fn id() -> StoredId {
    StoredId::new(handle(), digest())
}

/// A new operation.
#[must_use]
pub fn op() -> OpId {
    OpId::generate(&OsRandom::default()).unwrap()
}

/// One attribute is set.
#[must_use]
pub fn setting(name: &str, value: &str) -> Changes {
    let mut changes = Changes::new();
    changes.set(name, value.to_owned());
    changes
}

/// A session of an hour, with the attribute `n` = `0`.
#[must_use]
pub fn counting() -> NewRecord {
    let mut new = NewRecord::new(Expiry::idle(Duration::from_secs(3600)).unwrap());
    new.attributes.insert("n".into(), "0".into());
    new
}

/// What most tests do to a store. Each panics when the store fails.
#[async_trait]
pub trait StoreExt: SessionStore {
    /// Creates a session of an hour, with the attribute `n` = `0`.
    async fn begin(&self) -> StoredId {
        let id = id();
        assert_eq!(self.create(&id, &counting(), NOW).await.unwrap(), Created::Created);
        id
    }

    /// The whole record, if it is alive under this id.
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

    /// A session from its beginning to its end: created, changed, read, rotated, deleted.
    async fn live_through(&self) {
        let id = self.begin().await;
        assert_eq!(self.save(&id, &setting("a", "1"), NOW).await.unwrap(), Saved::Applied);
        assert_eq!(self.value(&id, "a").await.as_deref(), Some("1"));
        let new = digest();
        let mut changes = setting("b", "2");
        changes.remove("a");
        assert_eq!(self.rotate(&id, &new, &changes, NOW).await.unwrap(), Saved::Applied);
        let id = StoredId::new(*id.handle(), new);
        assert_eq!(self.find(&id).await.unwrap().attributes.len(), 2);
        assert_eq!(self.delete(&id, op(), NOW).await.unwrap(), Saved::Applied);
        assert_eq!(self.find(&id).await, None);
    }
}

impl<S: SessionStore + ?Sized> StoreExt for S {}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    OsRandom::default().fill(&mut bytes).unwrap();
    bytes
}
