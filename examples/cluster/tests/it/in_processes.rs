//! With a store that they share, each node is a process of its own.

use rustix::process::Signal;
use session_testkit::RedisServer;

use crate::browser::Browser;
use crate::process::{Process, free_ports, wait_until_free};

fn start(store: &str) -> (Process, u16, [u16; 2]) {
    let [front, first, second] = free_ports();
    let nodes = format!("{first},{second}");
    let args = ["--front", &front.to_string(), "--nodes", &nodes, "--store", store];
    (Process::cluster(&args, front), front, [first, second])
}

#[test]
fn the_session_outlives_all_of_the_nodes() {
    let redis = RedisServer::start();
    let store = redis.url();
    let mut browser = Browser::default();
    let (cluster, front, nodes) = start(&store);
    browser.get(nodes[0], "/set-session?sessionVal=hello");
    assert_eq!(browser.get(nodes[1], "/get-session").body, "hello");
    assert_eq!(browser.get(front, "/get-session").body, "hello");
    assert!(cluster.end(Signal::TERM).success());
    wait_until_free(&[front, nodes[0], nodes[1]]);

    let (_cluster, front, _) = start(&store);
    assert_eq!(browser.get(front, "/get-session").body, "hello");
}

#[test]
fn nodes_end_when_the_process_that_started_them_is_killed() {
    let redis = RedisServer::start();
    let store = redis.url();
    let (cluster, front, nodes) = start(&store);
    for port in [front, nodes[0], nodes[1]] {
        assert_eq!(Browser::default().get(port, "/").status, 200);
    }
    cluster.kill();
    wait_until_free(&[front, nodes[0], nodes[1]]);
}
