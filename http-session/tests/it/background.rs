//! What goes on beside the requests. Time is tokio's, and passes at once when nobody works.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use erased_serde::Deserializer;
use http_session::{
    Builder, Codec, Delivery, ErrorKind, EventKind, EventListener, EventSettings, JsonCodec, MemoryStore,
    SessionEvent, SessionManager, SessionStore,
};
use session_testkit::{Fault, FaultyStore, ManualClock, Operation, SpyStore};
use tokio::time::sleep;

use crate::support::built;

const NOTHING: [(&str, &str); 0] = [];
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

type Heard = Arc<Mutex<Vec<EventKind>>>;

fn noting(heard: &Heard) -> impl EventListener {
    let heard = Arc::clone(heard);
    move |event: SessionEvent| {
        heard.lock().unwrap().push(event.kind);
        async {}
    }
}

async fn begin(sessions: &Arc<SessionManager>) {
    let session = sessions.open([]);
    session.insert("name", "value").unwrap();
    assert!(sessions.commit(&session, 200).await.error.is_none());
}

/// JSON, written backwards.
#[derive(Debug)]
struct Reversed;

impl Codec for Reversed {
    fn encode(&self, value: &dyn erased_serde::Serialize) -> http_session::Result<Bytes> {
        Ok(JsonCodec::default().encode(value)?.iter().rev().copied().collect())
    }

    fn decode(
        &self,
        bytes: &[u8],
        visit: &mut dyn FnMut(&mut dyn Deserializer<'_>) -> Result<(), erased_serde::Error>,
    ) -> http_session::Result<()> {
        JsonCodec::default().decode(&bytes.iter().rev().copied().collect::<Vec<_>>(), visit)
    }
}

fn telling() -> MemoryStore {
    MemoryStore::builder().events(EventSettings::new()).build()
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_hears_what_happens() {
    let (all, mail) = (Heard::default(), Heard::default());
    let builder = Builder::new()
        .on_event(Delivery::EveryNode, noting(&all))
        .on_event(Delivery::one_of("mail"), noting(&mail));
    let sessions = built(builder, NOTHING).await;
    begin(&sessions).await;
    sleep(SECOND).await;
    for heard in [all, mail] {
        assert_eq!(*heard.lock().unwrap(), [EventKind::Created]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_carries_what_was_chosen_decoded_by_the_sessions_codec() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = {
        let heard = Arc::clone(&heard);
        move |event: SessionEvent| {
            let name = event.get::<String>("name");
            heard.lock().unwrap().push(name.unwrap());
            async {}
        }
    };
    let settings = EventSettings::new().attributes(["name"]);
    let builder = Builder::new().events(settings).on_event(Delivery::EveryNode, listener);
    let sessions = built(builder.codec(Reversed), NOTHING).await;
    begin(&sessions).await;
    sleep(SECOND).await;
    assert_eq!(*heard.lock().unwrap(), [Some("value".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn what_expires_is_swept_every_minute_and_heard() {
    let (heard, clock) = (Heard::default(), ManualClock::new());
    let builder = Builder::new().clock(clock.clone()).on_event(Delivery::EveryNode, noting(&heard));
    let sessions = built(builder, [("session.max-inactive", "1h")]).await;
    begin(&sessions).await;
    sleep(3 * MINUTE).await;
    assert_eq!(*heard.lock().unwrap(), [EventKind::Created]);
    clock.advance(2 * 60 * MINUTE);
    sleep(2 * MINUTE).await;
    assert_eq!(*heard.lock().unwrap(), [EventKind::Created, EventKind::Expired]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_and_swept_again() {
    let (heard, store) = (Heard::default(), FaultyStore::new(Arc::new(telling())));
    let spy = SpyStore::new(Arc::new(store.clone()));
    let builder = Builder::new().store(spy.clone()).on_event(Delivery::EveryNode, noting(&heard));
    let sessions = built(builder, NOTHING).await;
    for operation in [Operation::Next, Operation::Sweep] {
        store.every(operation, Fault::FailBefore(ErrorKind::Unavailable));
    }
    begin(&sessions).await;
    sleep(10 * MINUTE).await;
    assert!((8..=13).contains(&spy.count(Operation::Sweep)), "{}", spy.count(Operation::Sweep));
    assert!((18..=40).contains(&spy.count(Operation::Next)), "{}", spy.count(Operation::Next));
    assert_eq!(*heard.lock().unwrap(), []);
    store.heal();
    sleep(MINUTE).await;
    assert_eq!(*heard.lock().unwrap(), [EventKind::Created]);
}

#[tokio::test(start_paused = true)]
async fn many_expired_sessions_are_swept_at_once_in_bounded_steps() {
    let clock = ManualClock::new();
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let spy = SpyStore::new(Arc::new(memory.clone()));
    let builder = Builder::new().store(spy.clone()).clock(clock.clone());
    let sessions = built(builder, NOTHING).await;
    for _ in 0..2500 {
        begin(&sessions).await;
    }
    clock.advance(60 * MINUTE);
    while memory.held() > 0 {
        sleep(SECOND).await;
    }
    assert_eq!(spy.count(Operation::Sweep), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_swept_when_something_else_does_it() {
    let spy = SpyStore::new(Arc::new(telling()));
    let _sessions = built(Builder::new().store(spy.clone()).sweep_every(None), NOTHING).await;
    sleep(10 * MINUTE).await;
    assert!(spy.is_untouched(), "{:?}", spy.calls());
}

#[tokio::test(start_paused = true)]
async fn who_listens_by_hand_stops_with_the_guard() {
    let heard = Heard::default();
    let sessions = built(Builder::new().store(telling()), NOTHING).await;
    let listening =
        http_session::listen(&sessions, Delivery::EveryNode, SECOND, noting(&heard)).await.unwrap();
    begin(&sessions).await;
    sleep(2 * SECOND).await;
    drop(listening);
    begin(&sessions).await;
    sleep(MINUTE).await;
    assert_eq!(*heard.lock().unwrap(), [EventKind::Created]);
}

#[tokio::test(start_paused = true)]
async fn all_of_it_ends_with_the_sessions() {
    let heard = Heard::default();
    let store: Arc<dyn SessionStore> = Arc::new(telling());
    let builder = Builder::new().shared_store(store.clone()).on_event(Delivery::EveryNode, noting(&heard));
    drop(built(builder, NOTHING).await);
    sleep(2 * MINUTE).await;
    assert_eq!((Arc::strong_count(&store), Arc::strong_count(&heard)), (1, 1));
}

#[tokio::test]
async fn to_listen_to_a_store_without_events_is_a_mistake() {
    let builder =
        Builder::new().store(MemoryStore::new()).on_event(Delivery::EveryNode, |_: SessionEvent| async {});
    let error = builder.source(NOTHING).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("events"), "{error}");
}
