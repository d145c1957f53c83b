use std::time::Duration;

use session_core::{Clock, ErrorKind, OpId, Random};
use session_testkit::{FailingRandom, ManualClock, SeededRandom};

#[test]
fn a_clone_of_a_clock_is_the_same_clock() {
    let clock = ManualClock::new();
    let (now, monotonic) = (clock.now(), clock.monotonic());
    clock.clone().advance(Duration::from_millis(1500));
    assert_eq!(clock.now().since(now), Duration::from_millis(1500));
    assert_eq!(clock.monotonic() - monotonic, Duration::from_millis(1500));
}

#[test]
fn a_correction_puts_only_the_time_of_day_back() {
    let clock = ManualClock::new();
    let (now, monotonic) = (clock.now(), clock.monotonic());
    clock.set_back(Duration::from_secs(5));
    assert_eq!(now.since(clock.now()), Duration::from_secs(5));
    assert_eq!(clock.monotonic(), monotonic);
}

#[test]
fn a_seed_gives_the_same_bytes_each_time_and_never_the_same_twice() {
    let bytes = |random: &SeededRandom| {
        let mut bytes = [0; 21];
        random.fill(&mut bytes).unwrap();
        bytes
    };
    let (one, other) = (SeededRandom::new(7), SeededRandom::new(7));
    let first = bytes(&one);
    assert_eq!(first, bytes(&other));
    assert_ne!(first, bytes(&one));
    assert_ne!(first, bytes(&SeededRandom::new(8)));
}

#[test]
fn without_random_bytes_there_is_no_operation_id() {
    let error = OpId::generate(&FailingRandom::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Random);
}
