//! What the tests of the store have in common.

use std::time::Duration;

use async_trait::async_trait;
use session_core::{
    Access, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, OpId, OsRandom, Random as _, Record,
    Saved, Select, SessionStore, StoredId,
};

/// A request that has just arrived, on a node that notes a use every minute.
pub(crate) const NOW: Access = Access::new(Duration::ZERO, Duration::from_secs(60));

pub(crate) fn digest() -> Digest {
    Digest::from_bytes(random())
}

pub(crate) fn id() -> StoredId {
    StoredId::new(Handle::from_bytes(random()), digest())
}

pub(crate) fn op() -> OpId {
    OpId::generate(&OsRandom::default()).unwrap()
}

pub(crate) fn setting(name: &str, value: &str) -> Changes {
    let mut changes = Changes::new();
    changes.set(name, value.to_owned());
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

    /// A session from its beginning to its end: each operation once.
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

/// The statements that make all that is stored older, as if so much time had passed.
pub(crate) fn move_back(table: &str, by: Duration) -> String {
    let millis = by.as_millis();
    let moved = |column: &str| format!("{column} = {column} - {millis}");
    let times = [
        "candidate_at",
        "previous_until",
        "superseded_at",
        "created_at",
        "last_accessed",
        "renewed_at",
        "signed_in_at",
    ];
    let times = times.map(moved).join(", ");
    let ends = ["ends_at", "expires_at"].map(|column| {
        format!("{column} = CASE WHEN {column} = 253402300799999 THEN {column} ELSE {column} - {millis} END")
    });
    let principals = [moved("revoked_at"), moved("expires_at")].join(", ");
    format!(
        "UPDATE {table} SET {times}, {}, {}; UPDATE {table}_principal SET {principals}",
        moved("ended_at"),
        ends.join(", ")
    )
}
