//! What is the memory store's own about events: its bounds.

use session_core::{Delivery, EventKind, EventSettings, Reason, SessionEvent, SessionStore, Subscription};
use session_memory::MemoryStore;

use crate::{FRESH, MINUTE, begin, id, with_clock};

async fn subscribe(store: &MemoryStore, delivery: Delivery) -> Box<dyn Subscription> {
    store.capabilities().events.unwrap().subscribe(&delivery).await.unwrap()
}

async fn heard(subscription: &mut Box<dyn Subscription>) -> Vec<SessionEvent> {
    let delivered = subscription.next(1000).await.unwrap();
    delivered.into_iter().map(|delivered| delivered.event).collect()
}

#[tokio::test]
async fn whoever_falls_behind_misses_the_oldest_and_it_is_counted() {
    let (store, _) = with_clock(|settings| settings.events(EventSettings::new().capacity(3)));
    let mut slow = subscribe(&store, Delivery::EveryNode).await;
    let mut group = subscribe(&store, Delivery::one_of("slow")).await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(begin(&store, MINUTE).await);
    }
    assert_eq!(store.missed_events(), 0);
    for subscription in [&mut slow, &mut group] {
        let handles: Vec<_> = heard(subscription).await.into_iter().map(|event| event.handle).collect();
        assert_eq!(handles, begun[2..].iter().map(|id| *id.handle()).collect::<Vec<_>>());
    }
    assert_eq!(store.missed_events(), 4);
}

#[tokio::test]
async fn a_session_evicted_by_the_bound_is_told() {
    let (store, _) = with_clock(|settings| settings.max_sessions(2).events(EventSettings::new()));
    let first = begin(&store, MINUTE).await;
    let mut all = subscribe(&store, Delivery::EveryNode).await;
    for _ in 0..2 {
        begin(&store, MINUTE).await;
    }
    assert_eq!((store.held(), store.evicted()), (2, 1));
    let events = heard(&mut all).await;
    let evicted: Vec<_> = events.iter().filter(|event| event.kind != EventKind::Created).collect();
    assert_eq!(evicted.len(), 1);
    assert_eq!((evicted[0].kind, &evicted[0].handle), (EventKind::Deleted(Reason::Evicted), first.handle()));
}

#[tokio::test]
async fn an_expired_session_that_makes_room_has_expired() {
    let (store, clock) = with_clock(|settings| settings.max_sessions(1).events(EventSettings::new()));
    begin(&store, MINUTE).await;
    let mut all = subscribe(&store, Delivery::EveryNode).await;
    clock.advance(MINUTE);
    begin(&store, 2 * MINUTE).await;
    assert_eq!((store.held(), store.evicted()), (1, 0));
    let mut kinds: Vec<_> = heard(&mut all).await.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["created", "expired"]);
}

#[tokio::test]
async fn a_session_that_begins_where_one_has_expired_tells_both() {
    let (store, clock) = with_clock(|settings| settings.events(EventSettings::new()));
    let id = begin(&store, MINUTE).await;
    let mut all = subscribe(&store, Delivery::EveryNode).await;
    clock.advance(MINUTE);
    store.create(&id, &session_core::NewRecord::default(), FRESH).await.unwrap();
    let kinds: Vec<_> = heard(&mut all).await.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Expired, EventKind::Created]);
}

#[tokio::test]
async fn while_nobody_listens_nothing_is_remembered() {
    let (store, _) = with_clock(|settings| settings.events(EventSettings::new()));
    for _ in 0..2 {
        let mut all = subscribe(&store, Delivery::EveryNode).await;
        begin(&store, MINUTE).await;
        assert_eq!(heard(&mut all).await.len(), 1);
        drop(all);
        begin(&store, MINUTE).await;
        assert!(format!("{store:?}").contains("remembered: 0"), "{store:?}");
    }
    assert_eq!(store.missed_events(), 0);
}

#[tokio::test]
async fn a_store_that_was_built_without_them_offers_no_events() {
    let (store, _) = with_clock(|settings| settings);
    assert!(store.capabilities().events.is_none());
    store.load(&id(), session_core::Select::All, FRESH).await.unwrap();
}
