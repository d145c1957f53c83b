//! The same binary in each of its environments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test panics when it fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use session_testkit::{RedisServer, free_port};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running program, ended when it is dropped.
struct App {
    child: Child,
    port: u16,
    /// What it has said of its configuration.
    explanation: String,
}

impl App {
    fn start(profile: &str, environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut child = command(profile, environment)
            .env("ADDRESS", format!("127.0.0.1:{port}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut explanation = String::new();
        for line in &mut lines {
            let line = line.unwrap();
            if line.is_empty() {
                break;
            }
            explanation += &line;
            explanation.push('\n');
        }
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "it ended at its start");
            assert!(Instant::now() < deadline, "it does not listen");
            sleep(Duration::from_millis(10));
        }
        Self { child, port, explanation }
    }

    /// One visit: what the page says, and the cookie that a browser has afterwards.
    fn visit(&self, cookie: &str) -> (String, String) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        let cookie = set.map_or(cookie, |set| set.split(';').next().unwrap());
        (body.trim().to_owned(), cookie.to_owned())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(profile: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_environments"));
    command.env_clear().env("SESSION_PROFILE", profile).envs(environment.iter().copied());
    command
}

#[test]
fn in_development_sessions_are_in_memory_and_end_with_the_program() {
    let app = App::start("dev", &[]);
    assert!(app.explanation.contains("session.store at "), "{}", app.explanation);
    let (count, cookie) = app.visit("");
    assert!(count == "1" && cookie.starts_with("id="), "{count} {cookie}");
    assert_eq!(app.visit(&cookie).0, "2");
    drop(app);
    assert_eq!(App::start("dev", &[]).visit(&cookie).0, "1");
}

#[test]
fn in_test_sessions_are_in_a_file_and_outlive_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visits.db");
    let environment = [("SQLITE_FILE", file.to_str().unwrap())];
    let app = App::start("test", &environment);
    let (_, cookie) = app.visit("");
    assert_eq!(app.visit(&cookie).0, "2");
    drop(app);
    assert_eq!(App::start("test", &environment).visit(&cookie).0, "3");
}

#[test]
fn in_production_nodes_share_sessions_in_redis() {
    let password = "p@ss/w:rd?";
    let redis = RedisServer::start_with(&["--requirepass", password]);
    let port = redis.port().to_string();
    let environment = [("REDIS_PASSWORD", password), ("REDIS_PORT", &port), ("REDIS_HOSTNAME", "127.0.0.1")];
    let [one, other] = [App::start("production", &environment), App::start("production", &environment)];
    let (count, cookie) = one.visit("");
    assert!(count == "1" && cookie.starts_with("__Host-id="), "{count} {cookie}");
    assert_eq!(other.visit(&cookie).0, "2");
    assert_eq!(one.visit(&cookie).0, "3");
    assert!(
        !one.explanation.contains(password) && !one.explanation.contains("p%40ss"),
        "{}",
        one.explanation
    );
    assert!(one.explanation.contains("with environment variable REDIS_PASSWORD"), "{}", one.explanation);
}

#[test]
fn in_no_environment_a_mistake_goes_unheard() {
    for (profile, environment, expected) in [
        ("prodution", &[][..], "did you mean `production`?"),
        ("production", &[], "set the environment variable REDIS_PASSWORD"),
        ("dev", &[("SESSION_MAX_INACTIVE", "soon")], "environment variable SESSION_MAX_INACTIVE: \"soon\""),
    ] {
        let output = command(profile, environment).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
}
