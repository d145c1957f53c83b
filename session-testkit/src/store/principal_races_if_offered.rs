//! What several nodes do to one principal in the same moment.

use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Handle, Load, Principals, Saved, Select, SessionLimit, SessionStore, SignIn, SignedIn, StoredId,
};

use super::fixture::*;
use super::principals_if_offered::{found, revoke};
use super::sign_in_if_offered::signed_in;
use super::together::{both, racer, together};
use crate::Harness;

type Store = Arc<dyn SessionStore>;

fn two_nodes(harness: &dyn Harness) -> Option<[Store; 2]> {
    let nodes = [harness.store(), harness.store()];
    let is_offered = nodes[0].capabilities().principals.is_some();
    is_offered.then_some(nodes)
}

fn principals(store: &Store) -> &dyn Principals {
    store.capabilities().principals.expect("it was offered when the case began")
}

/// A request that arrives now and signs in, in a session that begins for it.
async fn enter(store: Store, request: SignIn) -> (SignedIn, StoredId) {
    let id = store.begin().await;
    let answer = principals(&store).sign_in(&id, &request, FRESH).await.unwrap();
    (answer, presenting(&id, request.new))
}

async fn log_out_everywhere(store: Store, principal: String) -> usize {
    revoke(principals(&store), &principal, None).await
}

async fn is_alive(store: &Store, id: &StoredId) -> bool {
    matches!(store.load(id, Select::Metadata, FRESH).await.unwrap(), Load::Live { .. })
}

/// The age of a request that arrived before the race.
const EARLIER: Duration = Duration::from_secs(20);

pub async fn a_logout_everywhere_beats_a_sign_in_that_arrived_before_it(harness: &dyn Harness) {
    let Some([store, other]) = two_nodes(harness) else { return };
    for round in 0..harness.repetitions() {
        let name = format!("ada {round}");
        let id = store.begin().await;
        let request = signing_in(&name);
        let new = presenting(&id, request.new);
        let signing_in = {
            let store = store.clone();
            async move { principals(&store).sign_in(&id, &request, aged(EARLIER)).await.unwrap() }
        };
        let (answer, ended) = both(signing_in, log_out_everywhere(other.clone(), name.clone())).await;
        match answer {
            SignedIn::Applied => assert_eq!(ended, 1),
            SignedIn::Gone | SignedIn::Absent | SignedIn::Revoked => assert!(ended <= 1),
            SignedIn::Other | SignedIn::Full => panic!("{answer:?}"),
        }
        assert!(!is_alive(&store, &new).await, "after {answer:?}");
        assert!(found(principals(&store), &name).await.is_empty());
    }
}

pub async fn a_logout_everywhere_leaves_none_of_many_sign_ins(harness: &dyn Harness) {
    let Some([store, _]) = two_nodes(harness) else { return };
    for round in 0..harness.repetitions().div_ceil(100) {
        let name = format!("ada {round}");
        let mut racers = Vec::new();
        for _ in 0..64 {
            let (store, name) = (harness.store(), name.clone());
            racers.push(racer(async move {
                let id = store.begin().await;
                let request = signing_in(&name);
                principals(&store).sign_in(&id, &request, aged(EARLIER)).await.unwrap();
                Some(presenting(&id, request.new))
            }));
        }
        let (revoking, revoked) = (store.clone(), name.clone());
        racers.push(racer(async move {
            log_out_everywhere(revoking, revoked).await;
            None
        }));
        for id in together(racers).await.into_iter().flatten() {
            assert!(!is_alive(&store, &id).await);
        }
        assert!(found(principals(&store), &name).await.is_empty());
    }
}

pub async fn of_many_sign_ins_at_once_the_limit_is_left_and_never_more(harness: &dyn Harness) {
    let Some([store, _]) = two_nodes(harness) else { return };
    let limits = [SessionLimit::evict_oldest(3), SessionLimit::evict_idle(3), SessionLimit::reject(3)];
    for round in 0..harness.repetitions().div_ceil(100) {
        let (name, limit) = (format!("ada {round}"), limits[round % 3].clone().unwrap());
        let mut racers = Vec::new();
        for _ in 0..64 {
            let request = signing_in(&name).with_limit(limit);
            let (store, name) = (harness.store(), name.clone());
            racers.push(racer(async move {
                let (answer, id) = enter(store.clone(), request).await;
                assert!(never_more_than(&store, &name, 3).await);
                (answer, id)
            }));
        }
        let mut alive = 0;
        for (answer, id) in together(racers).await {
            match answer {
                SignedIn::Applied => alive += usize::from(is_alive(&store, &id).await),
                SignedIn::Gone | SignedIn::Full => assert!(!is_alive(&store, &id).await),
                SignedIn::Absent | SignedIn::Other | SignedIn::Revoked => panic!("{answer:?}"),
            }
        }
        assert_eq!(alive, 3, "{limit:?}");
        assert_eq!(found(principals(&store), &name).await.len(), 3);
    }
}

/// Sessions do not come back: those seen twice were alive together in between.
async fn never_more_than(store: &Store, principal: &str, limit: usize) -> bool {
    let first = found(principals(store), principal).await;
    let again = found(principals(store), principal).await;
    first.intersection(&again).count() <= limit
}

pub async fn one_of_two_sign_ins_under_the_same_id_wins(harness: &dyn Harness) {
    let Some([store, other]) = two_nodes(harness) else { return };
    for round in 0..harness.repetitions() {
        let (ada, bob) = (format!("ada {round}"), format!("bob {round}"));
        let id = store.begin().await;
        let (one, two) = (signing_in(&ada), signing_in(&bob));
        let ids = [presenting(&id, one.new), presenting(&id, two.new)];
        let try_both = {
            let (store, other, same) = (store.clone(), other.clone(), id.clone());
            both(async move { principals(&store).sign_in(&id, &one, FRESH).await.unwrap() }, async move {
                principals(&other).sign_in(&same, &two, FRESH).await.unwrap()
            })
        };
        let (one, two) = try_both.await;
        let won = [one, two].map(|answer| answer == SignedIn::Applied);
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{one:?} {two:?}");
        for (id, won) in ids.iter().zip(won) {
            assert_eq!(is_alive(&store, id).await, won);
        }
        for (name, won) in [&ada, &bob].into_iter().zip(won) {
            assert_eq!(found(principals(&store), name).await.len(), usize::from(won));
        }
    }
}

pub async fn a_logout_or_the_sign_in_under_the_same_id_wins(harness: &dyn Harness) {
    let Some([store, other]) = two_nodes(harness) else { return };
    for round in 0..harness.repetitions() {
        let name = format!("ada {round}");
        let id = store.begin().await;
        let request = signing_in(&name);
        let (new, same) = (presenting(&id, request.new), id.clone());
        let (signing, ending) = (store.clone(), other.clone());
        let (answer, deleted) = both(
            async move { principals(&signing).sign_in(&id, &request, FRESH).await.unwrap() },
            async move { ending.delete(&same, op(), FRESH).await.unwrap() },
        )
        .await;
        let won = answer == SignedIn::Applied;
        assert_ne!(won, deleted == Saved::Applied, "{answer:?} {deleted:?}");
        assert_eq!(is_alive(&store, &new).await, won);
        let listed: Vec<Handle> = found(principals(&store), &name).await.into_iter().collect();
        assert_eq!(listed, if won { vec![*new.handle()] } else { vec![] });
    }
}

pub async fn a_session_is_found_whatever_touches_it_meanwhile(harness: &dyn Harness) {
    let (store, other) = (harness.store(), harness.store());
    let Some(id) = signed_in(&*store, "ada").await else { return };
    for _ in 0..harness.repetitions() {
        let (touching, looking, touched) = (store.clone(), other.clone(), id.clone());
        let (_, seen) = both(async move { touching.touch(&touched, FRESH).await.unwrap() }, async move {
            found(principals(&looking), "ada").await
        })
        .await;
        assert!(seen.contains(id.handle()));
    }
}
