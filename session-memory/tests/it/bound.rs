use session_core::{Load, Saved, SessionStore, Swapped, Taken};

use crate::{FRESH, MINUTE, begin, id, load, op, setting, with_clock};

#[tokio::test]
async fn beyond_the_bound_the_least_recently_used_session_is_evicted_whole_and_counted() {
    let (store, _) = with_clock(|settings| settings.max_sessions(3));
    let (used, idle) = (begin(&store, MINUTE).await, begin(&store, MINUTE).await);
    let other = begin(&store, MINUTE).await;
    assert_eq!((store.held(), store.evicted()), (3, 0));
    load(&store, &used).await;
    assert_eq!(store.save(&other, &setting("1"), FRESH).await.unwrap(), Saved::Applied);
    assert_eq!(store.held(), 3);

    let newest = begin(&store, MINUTE).await;
    assert_eq!((store.held(), store.evicted()), (3, 1));
    for id in [&used, &other, &newest] {
        assert!(matches!(load(&store, id).await, Load::Live { .. }));
    }
    assert_eq!(load(&store, &idle).await, Load::Absent);
    assert_eq!(store.save(&idle, &setting("1"), FRESH).await.unwrap(), Saved::Absent);
    assert_eq!(store.take(&idle, "name", FRESH).await.unwrap(), Taken::Absent);
    assert_eq!(store.replace_if(&idle, "name", None, None, FRESH).await.unwrap(), Swapped::Absent);
}

#[tokio::test]
async fn a_flood_stays_within_the_bound() {
    let (store, _) = with_clock(|settings| settings.max_sessions(100));
    for _ in 0..5000 {
        begin(&store, MINUTE).await;
    }
    assert_eq!((store.held(), store.evicted()), (100, 4900));
}

#[tokio::test]
async fn ended_and_expired_sessions_that_make_room_do_not_count_as_evicted() {
    let (store, clock) = with_clock(|settings| settings.max_sessions(10));
    for number in 0..10 {
        let id = begin(&store, MINUTE).await;
        if number % 2 == 0 {
            store.end(id.handle(), op()).await.unwrap();
        }
    }
    assert_eq!(store.held(), 10);
    clock.advance(MINUTE);
    for _ in 0..10 {
        begin(&store, MINUTE).await;
    }
    assert_eq!((store.held(), store.evicted()), (10, 0));
}

#[tokio::test]
async fn a_bound_of_none_is_one_of_one() {
    let (store, _) = with_clock(|settings| settings.max_sessions(0));
    let id = begin(&store, MINUTE).await;
    assert_eq!(store.held(), 1);
    assert!(matches!(load(&store, &id).await, Load::Live { .. }));
}

/// What was acknowledged is there, or its session is not there at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_evicted_session_is_never_half_there() {
    let (store, _) = with_clock(|settings| settings.max_sessions(16));
    let flood = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..20_000 {
                begin(&store, MINUTE).await;
            }
        }
    });
    let writers = (0..3).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut evictions = 0;
            for round in 0..200 {
                let id = begin(&store, MINUTE).await;
                for write in 0.. {
                    let text = format!("{round} {write}");
                    let saved = store.save(&id, &setting(&text), FRESH).await.unwrap();
                    match (saved, load(&store, &id).await) {
                        (Saved::Applied, Load::Live { record, .. }) => {
                            assert_eq!(record.attributes.get("name").unwrap(), text.as_bytes());
                        }
                        (Saved::Applied | Saved::Absent, Load::Absent) => break,
                        half => panic!("{half:?}"),
                    }
                    if write == 200 {
                        break;
                    }
                }
                evictions += usize::from(load(&store, &id).await == Load::Absent);
            }
            evictions
        })
    });
    let mut evictions = 0;
    for writer in writers.collect::<Vec<_>>() {
        evictions += writer.await.unwrap();
    }
    flood.await.unwrap();
    assert!(evictions > 0, "no write met an eviction");
    assert!(store.held() <= 16);
    assert_eq!(load(&store, &id()).await, Load::Absent);
}
