use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{
    Changes, Created, DELIVERY_ATTEMPTS, Delivered, Delivery, EventKind, EventSettings, Expiry, Handle, Load,
    NewRecord, Reason, Receipt, Saved, Select, SessionEvent, SessionManager, SessionStore, SignIn, StoredId,
    Subscription,
};

use super::fixture::*;
use super::sign_in_if_offered::sign_in;
use super::together::both;
use crate::Harness;

const INVALIDATED: EventKind = EventKind::Deleted(Reason::Invalidated);
const ENDED: EventKind = EventKind::Deleted(Reason::Ended);

/// When what was not acknowledged comes again.
fn again_after(harness: &dyn Harness) -> Duration {
    4 * harness.tick()
}

/// The store with events on, which carry the attributes `tenant` and `cart`.
async fn store_of(harness: &dyn Harness) -> Option<Arc<dyn SessionStore>> {
    let settings = EventSettings::new().attributes(["tenant", "cart"]).again_after(again_after(harness));
    harness.with_events(&settings).await
}

async fn subscribe(store: &dyn SessionStore, delivery: &Delivery) -> Box<dyn Subscription> {
    let events = store.capabilities().events.expect("a store that was built with events offers them");
    events.subscribe(delivery).await.unwrap()
}

/// Hears all that waits, and acknowledges it.
async fn heard(subscription: &mut dyn Subscription) -> Vec<SessionEvent> {
    let mut events = Vec::new();
    loop {
        let delivered = subscription.next(64).await.unwrap();
        if delivered.is_empty() {
            return events;
        }
        subscription.acknowledge(&receipts(&delivered)).await.unwrap();
        events.extend(delivered.into_iter().map(|delivered| delivered.event));
    }
}

fn receipts(delivered: &[Delivered]) -> Vec<Receipt> {
    delivered.iter().map(|delivered| delivered.receipt.clone()).collect()
}

fn kinds(events: &[SessionEvent]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

fn handles(events: &[SessionEvent]) -> BTreeSet<String> {
    events.iter().map(|event| event.handle.to_string()).collect()
}

/// A store with events on, and one who hears all of them.
struct Told {
    store: Arc<dyn SessionStore>,
    subscription: Box<dyn Subscription>,
}

impl Told {
    async fn start(harness: &dyn Harness) -> Option<Self> {
        let store = store_of(harness).await?;
        let subscription = subscribe(&*store, &Delivery::EveryNode).await;
        Some(Self { store, subscription })
    }

    async fn events(&mut self) -> Vec<SessionEvent> {
        heard(&mut *self.subscription).await
    }

    async fn kinds(&mut self) -> Vec<EventKind> {
        kinds(&self.events().await)
    }
}

pub async fn each_operation_tells_what_it_did(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = store.begin().await;
    let (record, _) = store.live_at(&id).await;
    let events = told.events().await;
    assert_eq!(kinds(&events), [EventKind::Created]);
    assert_eq!((&events[0].handle, events[0].at >= record.created), (id.handle(), true));
    let id = store.rotated(&id).await;
    let events = told.events().await;
    assert_eq!(kinds(&events), [EventKind::Rotated]);
    assert_eq!(&events[0].handle, id.handle());
    store.delete(&id, op(), FRESH).await.unwrap();
    let events = told.events().await;
    assert_eq!(kinds(&events), [INVALIDATED]);
    assert_eq!((&events[0].handle, events[0].at >= record.created), (id.handle(), true));
}

pub async fn an_end_by_handle_is_told_as_such(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let id = told.store.begin().await;
    told.store.end(id.handle(), op()).await.unwrap();
    assert_eq!(told.kinds().await, [EventKind::Created, ENDED]);
}

pub async fn what_is_refused_is_not_told(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let (live, ended) = (store.begin().await, store.begin().await);
    store.delete(&ended, op(), FRESH).await.unwrap();
    assert_eq!(told.events().await.len(), 3);

    every_operation_misses(&*store, &id(), FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &presenting(&live, digest()), FRESH, Miss::Absent).await;
    every_operation_misses(&*store, &ended, FRESH, Miss::Gone).await;
    store.create(&presenting(&live, digest()), &NewRecord::default(), FRESH).await.unwrap_err();
    assert_eq!(store.create(&ended, &NewRecord::default(), FRESH).await.unwrap(), Created::Gone);
    store.end(ended.handle(), op()).await.unwrap();
    store.end(&handle(), op()).await.unwrap();
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, []);
    store.live(&live).await;
}

pub async fn reading_changing_touching_and_renewing_are_not_told(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = store.begin().await;
    assert_eq!(told.kinds().await, [EventKind::Created]);
    for select in [Select::All, Select::Only(&["kept"]), Select::Metadata] {
        store.load(&id, select, FRESH).await.unwrap();
    }
    store.set(&id, "tenant", "1").await;
    store.save(&id, &touching(), FRESH).await.unwrap();
    store.save(&id, &idle_of(Some(MINUTE)), FRESH).await.unwrap();
    store.touch(&id, FRESH).await.unwrap();
    store.replace_if(&id, "tenant", Some(b"1"), Some(b"2"), FRESH).await.unwrap();
    store.take(&id, "tenant", FRESH).await.unwrap();
    if let Some(renewal) = store.capabilities().renewal {
        let candidate = presenting(&id, digest());
        renewal.renew(&id, candidate.digest(), FRESH).await.unwrap();
        store.live(&candidate).await;
    }
    assert_eq!(told.kinds().await, []);
}

/// Whether it is told again is open: what came of it the first time, the store may not know.
pub async fn sent_again_an_operation_tells_nothing_else(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let (id, new, op) = (id(), digest(), op());
    let mut check = async |expected| {
        let kinds = told.kinds().await;
        assert!((1..=2).contains(&kinds.len()) && kinds.iter().all(|kind| *kind == expected), "{kinds:?}");
    };
    for _ in 0..2 {
        store.create(&id, &with(&[]), FRESH).await.unwrap();
    }
    check(EventKind::Created).await;
    for _ in 0..2 {
        assert_eq!(store.rotate(&id, &new, &Changes::new(), FRESH).await.unwrap(), Saved::Applied);
    }
    check(EventKind::Rotated).await;
    for _ in 0..2 {
        assert_eq!(store.delete(&presenting(&id, new), op, FRESH).await.unwrap(), Saved::Applied);
    }
    check(INVALIDATED).await;
}

pub async fn an_event_names_the_principal_and_carries_the_chosen_attributes_only(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let new = with(&[("tenant", r#""blue""#), ("secret", "hidden")]);
    let first = store.begin_with(&new).await;
    let first = signed_in_as(&*store, &first, "Zoë:1", new.expiry, Changes::new()).await;
    let second = store.begin().await;
    let second = signed_in_as(&*store, &second, "somebody", new.expiry, setting("cart", "[1]")).await;
    store.delete(&first, op(), FRESH).await.unwrap();
    store.end(second.handle(), op()).await.unwrap();

    let of = |events: &[SessionEvent], id: &StoredId| -> Vec<_> {
        let own = events.iter().filter(|event| event.handle == *id.handle());
        own.map(|event| {
            let names: Vec<_> = event.attributes.keys().map(ToString::to_string).collect();
            (event.kind, event.principal.as_ref().map(ToString::to_string), names.join(" "))
        })
        .collect()
    };
    let events = told.events().await;
    let zoe = Some("Zoë:1".to_owned());
    let somebody = Some("somebody".to_owned());
    let expected = [
        (EventKind::Created, None, "tenant".to_owned()),
        (EventKind::Rotated, zoe.clone(), "tenant".to_owned()),
        (INVALIDATED, zoe, "tenant".to_owned()),
    ];
    assert_eq!(of(&events, &first), expected);
    let expected = [
        (EventKind::Created, None, String::new()),
        (EventKind::Rotated, somebody.clone(), "cart".to_owned()),
        (ENDED, somebody, "cart".to_owned()),
    ];
    assert_eq!(of(&events, &second), expected);
    let tenant = events.iter().find_map(|event| event.get::<String>("tenant").unwrap());
    assert_eq!(tenant.as_deref(), Some("blue"));
}

pub async fn an_event_carries_the_attributes_as_they_were_last(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = store.begin_with(&with(&[("tenant", "1"), ("cart", "2")])).await;
    let mut changes = setting("tenant", "3");
    changes.remove("cart");
    store.save(&id, &changes, FRESH).await.unwrap();
    store.delete(&id, op(), FRESH).await.unwrap();
    let events = told.events().await;
    let cart_and_tenant =
        |event: &SessionEvent| (event.get::<u8>("cart").unwrap(), event.get::<u8>("tenant").unwrap());
    assert_eq!(cart_and_tenant(&events[0]), (Some(2), Some(1)));
    assert_eq!(cart_and_tenant(&events[1]), (None, Some(3)));
}

/// Begins a session with the attributes `tenant` and `kept`, and signs somebody in.
async fn begin_somebodys(store: &dyn SessionStore, idle: Duration) -> StoredId {
    let mut new = ends_after(idle);
    new.attributes.insert("tenant".into(), bytes("1"));
    new.attributes.insert("kept".into(), bytes("value"));
    let id = store.begin_with(&new).await;
    signed_in_as(store, &id, "somebody", new.expiry, Changes::new()).await
}

async fn signed_in_as(
    store: &dyn SessionStore,
    id: &StoredId,
    principal: &str,
    expiry: Expiry,
    changes: Changes,
) -> StoredId {
    let principals = store.capabilities().principals.expect("a store that tells events knows principals");
    sign_in(principals, id, SignIn::new(principal.into(), digest(), expiry, changes, op())).await
}

fn assert_somebodys(event: &SessionEvent) {
    assert_eq!(event.principal, Some("somebody".into()));
    assert_eq!(event.attributes.keys().map(|name| &**name).collect::<Vec<_>>(), ["tenant"]);
}

pub async fn an_expired_session_is_told_by_the_sweep(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = begin_somebodys(&*store, 4 * harness.tick()).await;
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, [EventKind::Created, EventKind::Rotated]);
    let expires_at = store.live(&id).await.expires_at;
    harness.advance(5 * harness.tick()).await;
    every_operation_misses(&*store, &id, FRESH, Miss::Absent).await;
    assert_eq!(sweep_all(&*store).await, 1);
    let events = told.events().await;
    assert_eq!(kinds(&events), [EventKind::Expired]);
    assert_eq!((&events[0].handle, events[0].at), (id.handle(), expires_at));
    assert_somebodys(&events[0]);
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, []);
}

pub async fn a_session_that_was_ended_does_not_expire(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = store.begin_with(&ends_after(4 * harness.tick())).await;
    store.delete(&id, op(), FRESH).await.unwrap();
    harness.advance(5 * harness.tick()).await;
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, [EventKind::Created, INVALIDATED]);
}

pub async fn an_expired_session_that_is_ended_by_its_handle_has_expired(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let id = begin_somebodys(&*store, 2 * harness.tick()).await;
    harness.advance(3 * harness.tick()).await;
    store.end(id.handle(), op()).await.unwrap();
    sweep_all(&*store).await;
    let events = told.events().await;
    assert_eq!(kinds(&events), [EventKind::Created, EventKind::Rotated, EventKind::Expired]);
    assert_somebodys(&events[2]);
}

pub async fn a_session_that_was_touched_outlives_its_first_end(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let (store, tick) = (Arc::clone(&told.store), harness.tick());
    let id = store.begin_with(&ends_after(6 * tick)).await;
    harness.advance(4 * tick).await;
    store.touch(&id, FRESH).await.unwrap();
    harness.advance(3 * tick).await;
    sweep_all(&*store).await;
    store.live(&id).await;
    assert_eq!(told.kinds().await, [EventKind::Created]);
    harness.advance(4 * tick).await;
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, [EventKind::Expired]);
}

pub async fn a_timeout_made_shorter_is_told_in_its_time(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let (store, tick) = (Arc::clone(&told.store), harness.tick());
    let (saved, rotated) = (store.begin().await, store.begin_with(&NewRecord::default()).await);
    let changes = idle_of(Some(2 * tick));
    assert_eq!(store.save(&saved, &changes, FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.rotate(&rotated, &digest(), &changes, FRESH).await.unwrap(), Saved::Applied);
    told.events().await;
    harness.advance(3 * tick).await;
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, [EventKind::Expired; 2]);
}

pub async fn a_timeout_made_longer_is_told_in_its_time(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let (store, tick) = (Arc::clone(&told.store), harness.tick());
    let id = store.begin_with(&ends_after(4 * tick)).await;
    store.save(&id, &idle_of(Some(10 * tick)), FRESH).await.unwrap();
    harness.advance(5 * tick).await;
    sweep_all(&*store).await;
    store.live(&id).await;
    harness.advance(6 * tick).await;
    sweep_all(&*store).await;
    assert_eq!(told.kinds().await, [EventKind::Created, EventKind::Expired]);
}

pub async fn a_sweep_touches_no_live_session(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let mut living = Vec::new();
    for _ in 0..20 {
        store.begin_with(&ends_after(2 * harness.tick())).await;
        living.push(store.begin().await);
        living.push(store.begin_with(&NewRecord::new(session_core::Expiry::never())).await);
    }
    let mut records = Vec::new();
    for id in &living {
        records.push(store.live(id).await);
    }
    harness.advance(3 * harness.tick()).await;
    assert_eq!(sweep_all(&*store).await, 20);
    for (id, record) in living.iter().zip(records) {
        assert_eq!(store.live(id).await, record);
    }
    assert_eq!(told.events().await.len(), 60 + 20);
}

pub async fn after_a_missed_hour_everything_is_told(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let mut begun = BTreeSet::new();
    for _ in 0..150 {
        begun.insert(begin_somebodys(&*store, MINUTE).await.handle().to_string());
    }
    let living = store.begin_with(&ends_after(2 * HOUR)).await;
    told.events().await;
    harness.skip(HOUR).await;
    assert_eq!(sweep_all(&*store).await, 150);
    let events = told.events().await;
    assert_eq!((handles(&events), events.len()), (begun, 150));
    for event in &events {
        assert_eq!(event.kind, EventKind::Expired);
        assert_somebodys(event);
    }
    store.live(&living).await;
}

pub async fn nothing_is_left_of_what_has_ended(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    for number in 0..100 {
        let id = begin_somebodys(&*store, 8 * harness.tick()).await;
        match number % 4 {
            0 => assert_eq!(store.delete(&id, op(), FRESH).await.unwrap(), Saved::Applied),
            1 => store.end(id.handle(), op()).await.unwrap(),
            2 => {
                store.rotated(&id).await;
            }
            _ => store.touch(&id, FRESH).await.unwrap(),
        }
    }
    harness.skip(2 * MINUTE).await;
    for _ in 0..100 {
        sweep_all(&*store).await;
        if harness.leftovers().await == 0 {
            break;
        }
        harness.advance(harness.tick() / 5).await;
    }
    assert_eq!(harness.leftovers().await, 0);
    let ends = told.events().await.into_iter().filter(|event| event.kind.is_end()).count();
    assert_eq!(ends, 100);
}

pub async fn one_sessions_events_come_in_their_order(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let sessions = (0..16).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut id = store.begin().await;
            for _ in 0..3 {
                id = store.rotated(&id).await;
            }
            store.delete(&id, op(), FRESH).await.unwrap();
        })
    });
    for session in sessions.collect::<Vec<_>>() {
        session.await.unwrap();
    }
    let mut by_handle = BTreeMap::<String, Vec<EventKind>>::new();
    for event in told.events().await {
        by_handle.entry(event.handle.to_string()).or_default().push(event.kind);
    }
    assert_eq!(by_handle.len(), 16);
    let rotated = EventKind::Rotated;
    for kinds in by_handle.values() {
        assert_eq!(kinds[..], [EventKind::Created, rotated, rotated, rotated, INVALIDATED]);
    }
}

pub async fn every_node_hears_everything_from_its_beginning_on(harness: &dyn Harness) {
    let Some(mut one) = Told::start(harness).await else { return };
    let id = one.store.begin().await;
    let mut other = Told::start(harness).await.unwrap();
    other.store.delete(&id, op(), FRESH).await.unwrap();
    assert_eq!(one.kinds().await, [EventKind::Created, INVALIDATED]);
    assert_eq!(other.kinds().await, [INVALIDATED]);
}

pub async fn every_node_hears_again_what_it_did_not_acknowledge(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let id = told.store.begin().await;
    let first = told.subscription.next(9).await.unwrap();
    assert_eq!(first.iter().map(|delivered| delivered.attempt).collect::<Vec<_>>(), [1]);
    told.store.delete(&id, op(), FRESH).await.unwrap();
    assert_eq!(told.kinds().await, [INVALIDATED]);
    harness.advance(again_after(harness)).await;
    let again = told.subscription.next(9).await.unwrap();
    assert_eq!(again.iter().map(|delivered| delivered.attempt).collect::<Vec<_>>(), [2]);
    assert_eq!((&again[0].event, &again[0].receipt), (&first[0].event, &first[0].receipt));
    told.subscription.acknowledge(&receipts(&again)).await.unwrap();
    harness.advance(again_after(harness)).await;
    assert_eq!(told.kinds().await, []);
}

pub async fn two_of_a_group_share_what_happens(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let group = Delivery::one_of("mail");
    let mut members =
        [subscribe(&*store, &group).await, subscribe(&*store_of(harness).await.unwrap(), &group).await];
    let mut begun = BTreeSet::new();
    let mut heard_by = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        for _ in 0..3 {
            begun.insert(store.begin().await.handle().to_string());
        }
        for (member, heard) in members.iter_mut().zip(&mut heard_by) {
            let delivered = member.next(2).await.unwrap();
            member.acknowledge(&receipts(&delivered)).await.unwrap();
            heard.extend(delivered.into_iter().map(|delivered| delivered.event));
        }
    }
    assert!(heard_by.iter().all(|heard| heard.len() >= 10), "one of them heard almost nothing");
    let mut events = heard_by.concat();
    harness.advance(again_after(harness)).await;
    for member in &mut members {
        events.extend(heard(&mut **member).await);
    }
    assert_eq!((handles(&events), events.len()), (begun, 60));
}

pub async fn what_one_of_a_group_does_not_acknowledge_another_hears(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let group = Delivery::one_of("mail");
    let mut dies = subscribe(&*store, &group).await;
    let mut lives = subscribe(&*store_of(harness).await.unwrap(), &group).await;
    store.begin().await;
    store.begin().await;
    let first = dies.next(9).await.unwrap();
    assert_eq!(first.len(), 2);
    dies.acknowledge(&receipts(&first[..1])).await.unwrap();
    drop(dies);
    assert_eq!(lives.next(9).await.unwrap(), []);
    harness.advance(again_after(harness) + harness.tick()).await;
    let again = lives.next(9).await.unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!((&again[0].event, again[0].attempt), (&first[1].event, 2));
    assert_eq!(lives.next(9).await.unwrap(), [], "it has just been handed out");
    lives.acknowledge(&receipts(&again)).await.unwrap();
    harness.advance(again_after(harness) + harness.tick()).await;
    assert_eq!(lives.next(9).await.unwrap(), []);
}

pub async fn a_group_goes_on_while_none_listens(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let group = Delivery::one_of("mail");
    store.begin().await;
    drop(subscribe(&*store, &group).await);
    let id = store.begin().await;
    let events = heard(&mut *subscribe(&*store, &group).await).await;
    assert_eq!(handles(&events), BTreeSet::from([id.handle().to_string()]));
}

pub async fn two_groups_hear_the_same(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let mut mail = subscribe(&*store, &Delivery::one_of("mail")).await;
    let mut audit = subscribe(&*store, &Delivery::one_of("audit: Zoë's")).await;
    store.begin().await;
    let event = heard(&mut *mail).await;
    assert_eq!(event.len(), 1);
    assert_eq!(heard(&mut *audit).await, event);
}

pub async fn no_more_is_handed_out_than_was_asked_for(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let mut member = subscribe(&*told.store, &Delivery::one_of("mail")).await;
    for _ in 0..50 {
        told.store.begin().await;
    }
    for subscription in [&mut told.subscription, &mut member] {
        let mut events = 0;
        for expected in [7, 7, 7, 7, 7, 7, 7, 1, 0] {
            let delivered = subscription.next(7).await.unwrap();
            assert_eq!(delivered.len(), expected, "after {events}");
            events += delivered.len();
        }
    }
}

fn manager(store: &Arc<dyn SessionStore>) -> Arc<SessionManager> {
    SessionManager::builder(Arc::clone(store)).build().unwrap()
}

pub async fn a_listener_that_panics_harms_nothing_and_hears_it_again(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let manager = manager(&store);
    for delivery in [Delivery::EveryNode, Delivery::one_of("mail")] {
        let mut subscription = manager.subscribe(&delivery).await.unwrap();
        let ids = [store.begin().await, store.begin().await, store.begin().await];
        let (bad, calls) = (*ids[1].handle(), AtomicUsize::new(0));
        let heard = Arc::new(Mutex::new(Vec::<Handle>::new()));
        let listener = {
            let heard = Arc::clone(&heard);
            move |event: SessionEvent| {
                let first = event.handle == bad && calls.fetch_add(1, Ordering::SeqCst) == 0;
                let heard = Arc::clone(&heard);
                async move {
                    assert!(!first, "a listener that panics");
                    heard.lock().unwrap().push(event.handle);
                }
            }
        };
        let outcome = manager.deliver(&mut *subscription, &listener, 9).await.unwrap();
        assert_eq!((outcome.events, outcome.failures.len()), (3, 1));
        assert_eq!((outcome.failures[0].handle, outcome.failures[0].is_dropped), (bad, false));
        assert_eq!(heard.lock().unwrap().len(), 2);
        harness.advance(again_after(harness) + harness.tick()).await;
        let outcome = manager.deliver(&mut *subscription, &listener, 9).await.unwrap();
        assert_eq!((outcome.events, outcome.failures.len()), (1, 0));
        assert_eq!(heard.lock().unwrap().last(), Some(&bad));
        assert_eq!(manager.deliver(&mut *subscription, &listener, 9).await.unwrap().events, 0);
    }
}

pub async fn a_listener_that_always_fails_is_given_up(harness: &dyn Harness) {
    let Some(store) = store_of(harness).await else { return };
    let manager = manager(&store);
    let mut subscription = manager.subscribe(&Delivery::one_of("mail")).await.unwrap();
    let id = store.begin().await;
    let listener = |_: SessionEvent| async { Err::<(), _>("no mail server") };
    for attempt in 1..=DELIVERY_ATTEMPTS {
        let outcome = manager.deliver(&mut *subscription, &listener, 9).await.unwrap();
        let [failure] = &outcome.failures[..] else { panic!("{outcome:?} at attempt {attempt}") };
        assert_eq!((failure.kind, &failure.handle), (EventKind::Created, id.handle()));
        assert_eq!((&*failure.cause, failure.is_dropped), ("no mail server", attempt == DELIVERY_ATTEMPTS));
        harness.advance(again_after(harness) + harness.tick()).await;
    }
    assert_eq!(manager.deliver(&mut *subscription, &listener, 9).await.unwrap().events, 0);
}

/// Whatever comes first: the session lives and nothing of its end is told, or its end is told and it does not live.
pub async fn a_touch_racing_the_sweep_is_whole_or_too_late(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let other = store_of(harness).await.unwrap();
    let mut outcomes = [0, 0];
    let rounds = (harness.repetitions() / 100).max(10);
    // A busy machine takes some more, until either was first.
    for round in 0..rounds * 50 {
        if round >= rounds && !outcomes.contains(&0) {
            break;
        }
        let idle = harness.tick() / 8;
        let id = store.begin_with(&ends_after(idle)).await;
        // However long the store takes, one of these comes before the end and another one after it.
        let early = Duration::from_millis([0, 2, 8, 20][round % 4]);
        harness.advance(idle.saturating_sub(early)).await;
        let touch = {
            let (store, id) = (Arc::clone(&store), id.clone());
            async move { store.touch(&id, FRESH).await.unwrap() }
        };
        let sweep = {
            let other = Arc::clone(&other);
            async move { sweep_all(&*other).await }
        };
        both(touch, sweep).await;
        let lives = matches!(store.load(&id, Select::All, FRESH).await.unwrap(), Load::Live { .. });
        sweep_all(&*other).await;
        let is_end = |event: &SessionEvent| event.handle == *id.handle() && event.kind.is_end();
        let mut ends = told.events().await.into_iter().filter(is_end).count();
        if !lives && ends == 0 {
            // The first sweep has seen it alive, just before its end. A store need not look again within a second.
            harness.advance(8 * harness.tick()).await;
            sweep_all(&*other).await;
            ends = told.events().await.into_iter().filter(is_end).count();
        }
        if lives {
            outcomes[0] += 1;
            // It may have ended between the load and the sweep.
            let still = matches!(store.load(&id, Select::All, FRESH).await.unwrap(), Load::Live { .. });
            assert!(!still || ends == 0, "it lives, and its end was told");
        } else {
            outcomes[1] += 1;
            assert_eq!(ends, 1, "it does not live, and its end was not told");
        }
    }
    assert!(outcomes.iter().all(|times| *times > 0), "only one outcome was seen: {outcomes:?}");
}

pub async fn two_sweeps_at_once_tell_every_end(harness: &dyn Harness) {
    let Some(mut told) = Told::start(harness).await else { return };
    let store = Arc::clone(&told.store);
    let other = store_of(harness).await.unwrap();
    let mut begun = BTreeSet::new();
    for _ in 0..200 {
        begun.insert(begin_somebodys(&*store, MINUTE).await.handle().to_string());
    }
    told.events().await;
    harness.skip(HOUR).await;
    let sweep = |store| async move { sweep_all(&*(store as Arc<dyn SessionStore>)).await };
    let (one, two) = both(sweep(store), sweep(other)).await;
    assert_eq!(one + two, 200);
    let events = told.events().await;
    assert_eq!((handles(&events), events.len()), (begun, 200));
    assert_eq!(harness.leftovers().await, 0);
}
