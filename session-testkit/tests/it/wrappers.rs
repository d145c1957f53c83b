use std::sync::{Arc, OnceLock};
use std::time::Duration;

use session_core::{
    Access, Changes, Delivery, Digest, ErrorKind, EventSettings, Handle, Load, NewRecord, Result, Saved,
    Select, SessionStore, StoredId,
};
use session_memory::MemoryStore;
use session_testkit::{
    Fault, FaultyStore, Harness, ManualClock, Operation, SpyStore, async_trait, store_conformance,
};

/// A store behind both wrappers, which must not be noticed while no fault is asked for.
struct Wrapped {
    memory: MemoryStore,
    telling: OnceLock<MemoryStore>,
    clock: ManualClock,
}

impl Wrapped {
    fn new() -> Self {
        let clock = ManualClock::new();
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        Self { memory, telling: OnceLock::new(), clock }
    }
}

#[async_trait]
impl Harness for Wrapped {
    fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(SpyStore::new(Arc::new(FaultyStore::new(Arc::new(self.memory.clone())))))
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        let build = || MemoryStore::builder().clock(self.clock.clone()).events(settings.clone()).build();
        let memory = self.telling.get_or_init(build).clone();
        Some(Arc::new(SpyStore::new(Arc::new(FaultyStore::new(Arc::new(memory))))))
    }

    async fn leftovers(&self) -> usize {
        let held = self.memory.held() + self.telling.get().map_or(0, MemoryStore::held);
        usize::try_from(held).unwrap()
    }

    fn repetitions(&self) -> usize {
        100
    }
}

store_conformance!(wrapped, Wrapped::new());

const FRESH: Access = Access::new(Duration::ZERO, Duration::ZERO);

fn id() -> StoredId {
    StoredId::new(Handle::from_bytes([1; 16]), Digest::from_bytes([2; 16]))
}

fn setting(name: &str) -> Changes {
    let mut changes = Changes::new();
    changes.set(name, "value");
    changes
}

async fn with_session() -> Result<FaultyStore> {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()));
    store.create(&id(), &NewRecord::default(), FRESH).await?;
    Ok(store)
}

async fn has(store: &FaultyStore, name: &str) -> Result<bool> {
    match store.load(&id(), Select::All, FRESH).await? {
        Load::Live { record, .. } => Ok(record.attributes.contains_key(name)),
        Load::Gone | Load::Absent => Ok(false),
    }
}

#[tokio::test]
async fn a_spy_notes_each_call_in_order() -> Result<()> {
    let spy = SpyStore::new(Arc::new(MemoryStore::new()));
    assert!(spy.is_untouched());
    spy.create(&id(), &NewRecord::default(), FRESH).await?;
    spy.load(&id(), Select::All, FRESH).await?;
    spy.load(&id(), Select::Metadata, FRESH).await?;
    assert!(!spy.is_untouched());
    assert_eq!(spy.count(Operation::Load), 2);
    assert_eq!(spy.reset(), [Operation::Create, Operation::Load, Operation::Load]);
    assert!(spy.is_untouched());
    spy.capabilities().renewal.unwrap().renew(&id(), id().digest(), FRESH).await?;
    spy.capabilities().sweep.unwrap().sweep(1).await?;
    assert_eq!(spy.calls(), [Operation::Renew, Operation::Sweep]);
    Ok(())
}

#[tokio::test]
async fn a_spy_notes_who_listens_and_a_fault_hits_it() -> Result<()> {
    let memory = MemoryStore::builder().events(EventSettings::new()).build();
    let store = FaultyStore::new(Arc::new(memory));
    let spy = SpyStore::new(Arc::new(store.clone()));
    let mut subscription = spy.capabilities().events.unwrap().subscribe(&Delivery::EveryNode).await?;
    store.create(&id(), &NewRecord::default(), FRESH).await?;
    store.next(Operation::Next, Fault::FailBefore(ErrorKind::Unavailable));
    assert_eq!(subscription.next(9).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let delivered = subscription.next(9).await?;
    subscription.acknowledge(&[delivered[0].receipt.clone()]).await?;
    assert_eq!(spy.calls(), [Operation::Subscribe, Operation::Next, Operation::Next, Operation::Acknowledge]);
    Ok(())
}

#[tokio::test]
async fn a_fault_before_applies_nothing() -> Result<()> {
    let store = with_session().await?;
    store.next(Operation::Save, Fault::FailBefore(ErrorKind::Unavailable));
    let error = store.save(&id(), &setting("lost"), FRESH).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!has(&store, "lost").await?);
    assert_eq!(store.save(&id(), &setting("next"), FRESH).await?, Saved::Applied);
    Ok(())
}

#[tokio::test]
async fn a_fault_after_has_applied_it() -> Result<()> {
    let store = with_session().await?;
    store.nth(Operation::Save, 2, Fault::FailAfter(ErrorKind::Timeout));
    assert_eq!(store.save(&id(), &setting("first"), FRESH).await?, Saved::Applied);
    let error = store.save(&id(), &setting("second"), FRESH).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(has(&store, "second").await?);
    Ok(())
}

#[tokio::test]
async fn every_call_fails_until_it_is_healed() -> Result<()> {
    let store = with_session().await?;
    store.every(Operation::Load, Fault::FailBefore(ErrorKind::Unavailable));
    for _ in 0..3 {
        assert!(has(&store, "any").await.is_err());
    }
    store.heal();
    assert!(!has(&store, "any").await?);
    Ok(())
}

#[tokio::test]
async fn a_call_hangs_until_it_is_released() -> Result<()> {
    for (fault, applied) in [(Fault::HangBefore, false), (Fault::HangAfter, true)] {
        let store = with_session().await?;
        store.next(Operation::Save, fault);
        let hanging = tokio::spawn({
            let store = store.clone();
            async move { store.save(&id(), &setting("late"), FRESH).await }
        });
        store.hanging(1).await;
        assert_eq!(has(&store, "late").await?, applied);
        assert!(!hanging.is_finished());
        store.release();
        assert_eq!(hanging.await.unwrap()?, Saved::Applied);
        assert!(has(&store, "late").await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_hangs_can_be_dropped() -> Result<()> {
    let store = with_session().await?;
    store.every(Operation::Load, Fault::HangBefore);
    for _ in 0..2 {
        let hanging = tokio::spawn({
            let store = store.clone();
            async move { has(&store, "any").await }
        });
        store.hanging(1).await;
        hanging.abort();
        assert!(hanging.await.unwrap_err().is_cancelled());
    }
    store.heal();
    assert!(!has(&store, "any").await?);
    Ok(())
}
