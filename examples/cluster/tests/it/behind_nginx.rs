//! As in production: real nginx without any pinning, real Redis, two processes.

use std::collections::BTreeSet;

use rustix::process::Signal;
use session_testkit::RedisServer;

use crate::browser::Browser;
use crate::process::{Process, free_ports};

/// Asks a few times, and says which nodes have answered.
fn nodes_that_answer(browser: &mut Browser, front: u16) -> BTreeSet<u64> {
    (0..6).map(|_| browser.session(front)["node"].as_u64().unwrap()).collect()
}

#[test]
fn a_session_goes_on_when_a_node_is_killed_and_is_there_when_all_are_restarted() {
    let redis = RedisServer::start();
    let store = redis.url();
    let ports @ [first, second, front] = free_ports();
    let both: BTreeSet<u64> = ports[..2].iter().map(|port| u64::from(*port)).collect();
    let (doomed, other) = (Process::node(first, &store), Process::node(second, &store));
    let _nginx = Process::nginx(front, [first, second]);

    let mut browser = Browser::default();
    assert_eq!(browser.get(front, "/set-session?sessionVal=hello").body, "hello");
    let handle = browser.session(front)["handle"].clone();
    assert_eq!(nodes_that_answer(&mut browser, front), both);

    doomed.kill();
    for _ in 0..6 {
        assert_eq!(browser.get(front, "/get-session").body, "hello");
    }
    assert_eq!(nodes_that_answer(&mut browser, front), BTreeSet::from([u64::from(second)]));
    assert_eq!(browser.post(front, "/attributes", "name=later&value=set").status, 303);

    assert!(other.end(Signal::TERM).success());
    let _restarted = [Process::node(first, &store), Process::node(second, &store)];
    for node in [first, second] {
        let session = browser.session(node);
        assert_eq!(session["handle"], handle);
        assert_eq!(session["attributes"]["sessionVal"], "hello");
        assert_eq!(session["attributes"]["later"], "set");
    }
    // nginx tries a node that had failed again after a second.
    let back = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        nodes_that_answer(&mut browser, front) == both
    });
    assert!(back, "nginx does not come back to the node that was killed");
}
