//! `cargo xtask memory`: what a session takes in Redis, over at least 100 000 of them, each with one attribute of 32
//! bytes.

use std::time::Duration;

use super::load::Load;
use super::server::{Kind, Server};
use crate::process::{Folder, Interrupt};
use crate::servers::Redis;
use crate::{Result, needs, no_arguments, step};

const SESSIONS: u64 = 100_000;

pub(crate) fn run(args: &[String]) -> Result {
    no_arguments(args)?;
    needs::provide(&[needs::REDIS, needs::WRK])?;
    step::run(step::cargo().args(["build", "--release", "-p", "session-bench"]))?;
    let interrupt = Interrupt::listen()?;
    let redis = Redis::start("memory")?;
    let folder = Folder::new("memory")?;

    let empty = used(&redis)?;
    let server = Server::start(Kind::OursOnRedis, &redis.url())?;
    let load = Load::new(&folder, server.port(), "/new", &[])?;
    let sessions = loop {
        load.run(Duration::from_secs(1))?;
        interrupt.check()?;
        let sessions: u64 = redis.ask("DBSIZE")?.parse()?;
        if sessions >= SESSIONS {
            break sessions;
        }
    };
    // With it go the buffers of its connection.
    drop(server);
    let key = redis.ask("RANDOMKEY")?;
    let one = redis.ask(&format!("MEMORY USAGE {key} SAMPLES 0"))?;
    println!("{sessions} sessions: {} bytes each of used_memory", (used(&redis)? - empty) / sessions);
    println!("one of them: {one} bytes by MEMORY USAGE, {}", redis.ask(&format!("OBJECT ENCODING {key}"))?);
    Ok(())
}

fn used(redis: &Redis) -> Result<u64> {
    let text = redis.ask("INFO memory")?;
    let used = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(used.ok_or("INFO tells no used_memory")?.parse()?)
}
