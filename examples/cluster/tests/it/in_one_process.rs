//! With `memory:` both nodes are in one process, on one memory store.

use rustix::process::Signal;
use serde_json::json;

use crate::browser::Browser;
use crate::process::{Process, free_ports, wait_until_free};

struct Cluster {
    process: Process,
    front: u16,
    nodes: [u16; 2],
}

fn start() -> Cluster {
    let [front, first, second] = free_ports();
    let nodes = format!("{first},{second}");
    let process =
        Process::cluster(&["--front", &front.to_string(), "--nodes", &nodes, "--store", "memory:"], front);
    Cluster { process, front, nodes: [first, second] }
}

#[test]
fn a_value_set_at_one_node_is_read_at_the_other_and_through_the_front() {
    let Cluster { process: _running, front, nodes } = start();
    let mut browser = Browser::default();
    assert_eq!(browser.get(nodes[0], "/set-session?sessionVal=hello%20there").body, "hello there");
    assert_eq!(browser.get(nodes[1], "/get-session").body, "hello there");
    assert_eq!(browser.get(front, "/get-session").body, "hello there");
    assert_eq!(Browser::default().get(nodes[1], "/get-session").body, "");
}

#[test]
fn the_front_takes_the_nodes_in_turn_and_all_of_them_describe_the_same_session() {
    let Cluster { process: _running, front, nodes } = start();
    let mut browser = Browser::default();
    browser.get(front, "/set-session?sessionVal=hello");
    let answers = [browser.session(front), browser.session(front)];
    let mut by: Vec<u64> = answers.iter().map(|answer| answer["node"].as_u64().unwrap()).collect();
    by.sort_unstable();
    let mut both: Vec<u64> = nodes.map(u64::from).to_vec();
    both.sort_unstable();
    assert_eq!(by, both);
    for answer in &answers {
        assert_eq!(answer["handle"], answers[0]["handle"]);
        assert_eq!(answer["handle"].as_str().unwrap().len(), 22);
        assert_eq!(answer["attributes"], json!({ "sessionVal": "hello" }));
        assert_eq!(answer["idle_timeout_s"], 1800);
        assert!(answer["last_accessed_at_ms"].as_u64() >= answer["created_at_ms"].as_u64());
    }
}

#[test]
fn looking_begins_no_session() {
    let Cluster { process: _running, front, .. } = start();
    let mut browser = Browser::default();
    let page = browser.get(front, "/");
    assert!(page.body.contains("No session yet"));
    assert_eq!(browser.session(front)["handle"], json!(null));
    assert_eq!(browser.cookie(), None);
}

#[test]
fn the_page_shows_the_session_and_a_typed_value_as_text() {
    let Cluster { process: _running, front, nodes } = start();
    let mut browser = Browser::default();
    let answer = browser.post(front, "/attributes", "name=cart&value=%3Cb%3E3+books%3C%2Fb%3E");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let handle = browser.session(front)["handle"].as_str().unwrap().to_owned();
    let page = browser.get(nodes[1], "/");
    assert!(page.body.contains(&format!("Node {}", nodes[1])));
    assert!(page.body.contains(&handle));
    assert!(page.body.contains("&lt;b&gt;3 books&lt;/b&gt;"));
    assert!(!page.body.contains("<script"));
    assert!(!page.body.contains(browser.cookie().unwrap()));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
}

#[test]
fn a_rotation_replaces_the_id_and_keeps_the_session() {
    let Cluster { process: _running, front, nodes } = start();
    let mut browser = Browser::default();
    browser.get(nodes[0], "/set-session?sessionVal=hello");
    let handle = browser.session(front)["handle"].clone();
    let mut thief = browser.clone();
    assert_eq!(browser.post(nodes[0], "/rotate", "").status, 303);
    assert_ne!(browser.cookie(), thief.cookie());
    assert_eq!(browser.session(nodes[1])["handle"], handle);
    assert_eq!(browser.get(nodes[1], "/get-session").body, "hello");
    assert_eq!(thief.get(nodes[1], "/get-session").body, "");
}

#[test]
fn logging_out_at_one_node_ends_the_session_at_all() {
    let Cluster { process: _running, front, nodes } = start();
    let mut browser = Browser::default();
    browser.get(nodes[0], "/set-session?sessionVal=hello");
    let mut thief = browser.clone();
    assert_eq!(browser.post(nodes[0], "/logout", "").status, 303);
    assert_eq!(browser.cookie(), None);
    assert_eq!(thief.get(nodes[1], "/get-session").body, "");
    assert_eq!(thief.get(front, "/get-session").body, "");
}

#[test]
fn a_rotation_or_a_logout_by_a_link_is_refused() {
    let Cluster { process: _running, front, .. } = start();
    let mut browser = Browser::default();
    for path in ["/rotate", "/logout"] {
        assert_eq!(browser.get(front, path).status, 405);
    }
}

#[test]
fn a_signal_ends_all_of_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let Cluster { process, front, nodes } = start();
        assert!(process.end(signal).success());
        wait_until_free(&[front, nodes[0], nodes[1]]);
    }
}
