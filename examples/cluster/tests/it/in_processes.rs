//! With a store that they share, each node is a process of its own.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use rustix::process::Signal;
use session_testkit::{MariaDbServer, PostgresServer, RedisServer};

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
    let (redis, postgres, mariadb) = (RedisServer::start(), PostgresServer::start(), MariaDbServer::start());
    let folder = tempfile::tempdir().unwrap();
    for store in [
        redis.url(),
        format!("sqlite://{}", folder.path().join("sessions.db").display()),
        postgres.url(&postgres.database()),
        mariadb.url(&mariadb.database()),
    ] {
        outlives_all_of_the_nodes(&store);
    }
}

fn outlives_all_of_the_nodes(store: &str) {
    let mut browser = Browser::default();
    let (cluster, front, nodes) = start(store);
    browser.get(nodes[0], "/set-session?sessionVal=hello");
    assert_eq!(browser.get(nodes[1], "/get-session").body, "hello");
    assert_eq!(browser.get(front, "/get-session").body, "hello");
    assert!(cluster.end(Signal::TERM).success());
    wait_until_free(&[front, nodes[0], nodes[1]]);

    let (_cluster, front, _) = start(store);
    assert_eq!(browser.get(front, "/get-session").body, "hello");
}

#[test]
fn without_a_store_two_processes_share_a_file_and_nothing_is_left_of_it() {
    let [front, first, second] = free_ports();
    let scratch = tempfile::tempdir().unwrap();
    let nodes = format!("{first},{second}");
    let cluster =
        Process::cluster_in(scratch.path(), &["--front", &front.to_string(), "--nodes", &nodes], front);
    let mut browser = Browser::default();
    browser.get(first, "/set-session?sessionVal=hello");
    assert_eq!(browser.get(second, "/get-session").body, "hello");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    assert!(cluster.end(Signal::TERM).success());
    wait_until_free(&[front, first, second]);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
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

#[test]
fn a_port_that_is_taken_is_an_error_at_the_start() {
    let redis = RedisServer::start();
    let [front, free, taken] = free_ports();
    let _somebody = TcpListener::bind((Ipv4Addr::LOCALHOST, taken)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cluster"))
        .args(["--front", &front.to_string(), "--nodes", &format!("{free},{taken}"), "--store", &redis.url()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(said.contains(&format!("cannot listen on port {taken}")), "{said}");
    wait_until_free(&[front, free]);
}
