use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
pub(super) use session_core::Miss;
use session_core::{
    Access, Changes, Created, Digest, Expiry, Load, NewRecord, Record, Saved, Select, SessionStore, SignIn,
    StoredId, Timestamp,
};

use crate::Harness;
pub(super) use crate::sample::{digest, handle, id, op, setting};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A request that has just arrived, on a node that notes every use.
pub(super) const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);

/// A request that arrived `age` ago.
pub(super) const fn aged(age: Duration) -> Access {
    Access::new(age, Duration::ZERO)
}

/// A request that has just arrived, on a node that notes a use every `touch` at most.
pub(super) const fn throttled(touch: Duration) -> Access {
    Access::new(Duration::ZERO, touch)
}

/// The same session, presented with another secret.
pub(super) fn presenting(id: &StoredId, digest: Digest) -> StoredId {
    StoredId::new(*id.handle(), digest)
}

pub(super) fn ends_after(idle: Duration) -> NewRecord {
    NewRecord::new(Expiry::idle(idle).unwrap())
}

/// A session that outlives its case, with these attributes.
pub(super) fn with(attributes: &[(&str, &str)]) -> NewRecord {
    let mut new = ends_after(HOUR);
    for (name, value) in attributes {
        new.attributes.insert((*name).into(), bytes(value));
    }
    new
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(super) fn touching() -> Changes {
    let mut changes = Changes::new();
    changes.touch = true;
    changes
}

pub(super) fn idle_of(idle: Option<Duration>) -> Changes {
    let mut changes = Changes::new();
    changes.idle = Some(idle);
    changes
}

/// A sign-in as this principal, without a limit and without changes, for an hour.
pub(super) fn signing_in(principal: &str) -> SignIn {
    SignIn::new(principal.into(), digest(), Expiry::idle(HOUR).unwrap(), Changes::new(), op())
}

/// What most cases do to a store, with what must come of it.
#[async_trait]
pub(super) trait StoreExt: SessionStore {
    /// A new session with one attribute, `kept` = `value`.
    async fn begin(&self) -> StoredId {
        self.begin_with(&with(&[("kept", "value")])).await
    }

    async fn begin_with(&self, new: &NewRecord) -> StoredId {
        let id = id();
        assert_eq!(self.create(&id, new, FRESH).await.unwrap(), Created::Created);
        id
    }

    /// The whole record, which must be alive under this id.
    async fn live(&self, id: &StoredId) -> Arc<Record> {
        self.live_at(id).await.0
    }

    /// The whole record, and the store's clock.
    async fn live_at(&self, id: &StoredId) -> (Arc<Record>, Timestamp) {
        match self.load(id, Select::All, FRESH).await.unwrap() {
            Load::Live { record, now } => (record, now),
            dead => panic!("the session is {dead:?}"),
        }
    }

    async fn now(&self) -> Timestamp {
        let id = self.begin().await;
        let (_, now) = self.live_at(&id).await;
        assert_eq!(self.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied);
        now
    }

    async fn set(&self, id: &StoredId, name: &str, value: &str) -> Saved {
        self.save(id, &setting(name, value), FRESH).await.unwrap()
    }

    async fn rotated(&self, id: &StoredId) -> StoredId {
        let new = digest();
        assert_eq!(self.rotate(id, &new, &Changes::new(), FRESH).await.unwrap(), Saved::Applied);
        presenting(id, new)
    }
}

impl<S: SessionStore + ?Sized> StoreExt for S {}

/// An attribute's value, as text.
pub(super) fn value<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.attributes.get(name).map(|value| std::str::from_utf8(value).unwrap())
}

/// Every operation that needs a match answers this to the id.
pub(super) async fn every_operation_misses(
    store: &dyn SessionStore,
    id: &StoredId,
    access: Access,
    expected: Miss,
) {
    store.touch(id, access).await.unwrap();
    for select in [Select::All, Select::Only(&["kept"]), Select::Metadata] {
        check("load", store.load(id, select, access).await.unwrap(), expected);
    }
    let mut changes = setting("planted", "by a miss");
    changes.remove("kept");
    changes.idle = Some(Some(MINUTE));
    changes.touch = true;
    check("save", store.save(id, &changes, access).await.unwrap(), expected);
    check("save of a touch", store.save(id, &touching(), access).await.unwrap(), expected);
    check("rotate", store.rotate(id, &digest(), &changes, access).await.unwrap(), expected);
    check("take", store.take(id, "kept", access).await.unwrap(), expected);
    for (old, new) in [(None, Some(&b"planted"[..])), (Some(&b"value"[..]), None), (None, None)] {
        check("replace_if", store.replace_if(id, "kept", old, new, access).await.unwrap(), expected);
    }
    if let Some(renewal) = store.capabilities().renewal {
        check("renew", renewal.renew(id, &digest(), access).await.unwrap(), expected);
    }
    if let Some(principals) = store.capabilities().principals {
        let sign_in = signing_in("nobody");
        check("sign_in", principals.sign_in(id, &sign_in, access).await.unwrap(), expected);
    }
    check("delete", store.delete(id, op(), access).await.unwrap(), expected);
}

fn check<A: From<Miss> + fmt::Debug + PartialEq>(operation: &str, answer: A, expected: Miss) {
    let expected = A::from(expected);
    assert!(answer == expected, "{operation} answered {answer:?} instead of {expected:?}");
}

/// Lets the store remove what it removes by itself, and sweep the rest; then nothing may be left.
pub(super) async fn nothing_is_left(harness: &dyn Harness) {
    let store = harness.store();
    for _ in 0..100 {
        sweep_all(&*store).await;
        if harness.leftovers().await == 0 {
            return;
        }
        harness.advance(harness.tick() / 5).await;
    }
    panic!("{} entries are left in the store", harness.leftovers().await);
}

pub(super) async fn sweep_all(store: &dyn SessionStore) -> usize {
    let Some(sweep) = store.capabilities().sweep else { return 0 };
    let mut total = 0;
    loop {
        let swept = sweep.sweep(100).await.unwrap();
        total += swept;
        if swept < 100 {
            return total;
        }
    }
}
