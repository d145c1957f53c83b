//! Races between requests, each repeated many times.

use std::time::Duration;

use crate::adapter::{AdapterHarness, World};

/// Two requests that are let go at one moment, over and over. A hundred repetitions share a world.
async fn race(
    harness: &dyn AdapterHarness,
    (one, other): (&str, &str),
    mut check: impl AsyncFnMut(&World, crate::adapter::Browser, [crate::adapter::Reply; 2]),
) {
    let world = World::new(harness).await;
    for _ in 0..harness.repetitions() {
        let browser = world.visitor().await;
        world.handler.gate("go", 2);
        let (one, other) = (browser.start(one), browser.start(other));
        let replies = [one.await.expect("one"), other.await.expect("the other")];
        check(&world, browser, replies).await;
        world.forget_calls();
    }
}

/// The promise "no lost update between different attributes".
pub async fn two_requests_that_set_different_attributes_lose_nothing(harness: &dyn AdapterHarness) {
    race(harness, ("/load;meet=go;insert=b:1", "/load;meet=go;insert=c:2"), async |_, browser, replies| {
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        assert_eq!(browser.go("/names").await.body, "a+b+c");
    })
    .await;
}

/// The promise "no resurrection".
pub async fn a_change_that_races_with_a_logout_brings_nothing_back(harness: &dyn AdapterHarness) {
    race(
        harness,
        ("/load;meet=go;insert=b:1", "/load;meet=go;invalidate"),
        async |_, browser, [write, logout]| {
            assert!(matches!(write.status, 200 | 409), "{write:?}");
            assert!(write.leaves_the_cookie_alone(), "{write:?}");
            assert!(logout.withdraws(), "{logout:?}");
            assert_eq!(browser.cookie(), None);
        },
    )
    .await;
}

/// The same, seen with the old cookie.
pub async fn an_ended_session_stays_ended_under_its_old_cookie(harness: &dyn AdapterHarness) {
    let world = World::new(harness).await;
    for _ in 0..harness.repetitions() {
        let browser = world.visitor().await;
        let thief = browser.copy();
        world.handler.gate("go", 2);
        let (write, logout) = (thief.start("/meet=go;insert=b:1"), browser.start("/meet=go;invalidate"));
        assert!(write.await.unwrap().leaves_the_cookie_alone());
        assert!(logout.await.unwrap().withdraws());
        assert_eq!(thief.go("/get=a;get=b;exists").await.body, "-,-,false");
        world.forget_calls();
    }
}

/// The promise "rotation is one step": exactly one of both ids is good, and the late one touches no cookie.
pub async fn a_change_that_races_with_a_login_is_kept_whole_or_refused(harness: &dyn AdapterHarness) {
    race(
        harness,
        ("/load;meet=go;insert=b:1", "/load;meet=go;sign-in=ann"),
        async |_, browser, [write, login]| {
            assert!(write.leaves_the_cookie_alone(), "{write:?}");
            assert_eq!(login.status, 200);
            let names = if write.status == 200 { "a+b" } else { "a" };
            assert_eq!(browser.go("/principal;names").await.body, format!("ann,{names}"));
        },
    )
    .await;
}

/// Rule 3: a double click on "log in".
pub async fn a_double_click_on_log_in_logs_in(harness: &dyn AdapterHarness) {
    race(harness, ("/load;meet=go;sign-in=ann", "/load;meet=go;sign-in=ann"), async |_, browser, replies| {
        assert!(replies.iter().all(|reply| reply.status == 200 && reply.issued().is_some()), "{replies:?}");
        assert_eq!(browser.go("/principal").await.body, "ann");
    })
    .await;
}

/// Rule 4: a double click on "log out".
pub async fn a_double_click_on_log_out_logs_out_and_withdraws_once(harness: &dyn AdapterHarness) {
    race(harness, ("/load;meet=go;invalidate", "/load;meet=go;invalidate"), async |_, browser, replies| {
        assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
        assert_eq!(replies.iter().filter(|reply| reply.withdraws()).count(), 1, "{replies:?}");
        assert_eq!(browser.cookie(), None);
    })
    .await;
}

/// The promises of `take` and `modify`, through the adapter.
pub async fn of_64_takers_one_wins_and_64_increments_are_64(harness: &dyn AdapterHarness) {
    // On a busy machine some of so many are in vain for longer than usual.
    let world = World::with(harness, |builder| builder.budget(Duration::from_secs(20))).await;
    for _ in 0..harness.repetitions().div_ceil(100) {
        let browser = world.visitor().await;
        world.handler.gate("go", 64);
        let takers: Vec<_> = (0..64).map(|_| browser.start("/meet=go;take=a")).collect();
        let mut winners = 0;
        for taker in takers {
            winners += usize::from(taker.await.unwrap().body == "before");
        }
        assert_eq!(winners, 1);
        world.handler.gate("go", 64);
        let adders: Vec<_> = (0..64).map(|_| browser.start("/meet=go;add=n")).collect();
        for adder in adders {
            assert_eq!(adder.await.unwrap().status, 200);
        }
        assert_eq!(browser.go("/get-number=n").await.body, "64");
        world.forget_calls();
    }
}
