//! Starts the kit's servers and keeps them until its input ends: `cargo xtask servers` runs it.
//!
//! ```console
//! $ cargo run -p session-testkit --example servers -- redis postgres
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks by printing")]

use std::any::Any;
use std::io::Read as _;
use std::process::ExitCode;

use session_testkit::{MariaDbServer, PostgresServer, RedisCluster, RedisSentinel, RedisServer};

fn main() -> ExitCode {
    let mut servers = Vec::new();
    for name in std::env::args().skip(1) {
        let Some((server, url)) = started(&name) else {
            eprintln!("there is no server {name:?}: redis, sentinel, cluster, postgres or mariadb");
            return ExitCode::FAILURE;
        };
        servers.push(server);
        println!("SESSION_STORE={url}");
    }
    // What is said there does not matter, and neither does how it ends.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}

/// The server, which ends when it is dropped, and its store URL.
fn started(name: &str) -> Option<(Box<dyn Any>, String)> {
    fn of<S: Any>(server: S, url: impl Fn(&S) -> String) -> (Box<dyn Any>, String) {
        let url = url(&server);
        (Box::new(server), url)
    }
    Some(match name {
        "redis" => of(RedisServer::start(), RedisServer::url),
        "sentinel" => of(RedisSentinel::start(), RedisSentinel::url),
        "cluster" => of(RedisCluster::start(), RedisCluster::url),
        "postgres" => of(PostgresServer::start(), |server| server.url(&server.database())),
        "mariadb" => of(MariaDbServer::start(), |server| server.url(&server.database())),
        _ => return None,
    })
}
