//! What is asked once, when the store connects: whether the user may do what sessions need, and whether the server
//! keeps what it is given.

use redis::{Cmd, Value};
use session_core::{Error, ErrorKind, Result};

use crate::connection::{Call, Connection};
use crate::error::{PERMISSIONS, unexpected_reply};
use crate::keys::Keys;
use crate::scripts;

pub(crate) async fn all(connection: &Connection, keys: &Keys, is_telling: bool) -> Result<()> {
    permissions(connection, keys, is_telling).await?;
    #[cfg(feature = "tracing")]
    eviction(connection).await;
    Ok(())
}

async fn permissions(connection: &Connection, keys: &Keys, is_telling: bool) -> Result<()> {
    let key = keys.nothing();
    let mut reads: Vec<(&str, &[&str])> = vec![("HGETALL", &[]), ("HMGET", &["-"])];
    if is_telling {
        reads.extend([("XRANGE", &["-", "-"][..]), ("XREVRANGE", &["-", "-"])]);
    }
    for (name, rest) in reads {
        let mut cmd = Cmd::new();
        cmd.arg(name).arg(&key).arg(rest);
        let deadline = connection.deadline(std::time::Instant::now());
        connection.send(&Call::command(cmd).again(), deadline).await?;
    }
    let mut probe = scripts::PROBE.call(&key, 1, 1);
    probe.arg(if is_telling { "1" } else { "0" });
    let probe = Call::script(probe, &scripts::PROBE).again();
    let answer = connection.send(&probe, connection.deadline(std::time::Instant::now())).await?;
    let Value::BulkString(refused) = answer.value else {
        return Err(unexpected_reply("the script that tries commands answered no text"));
    };
    if refused.is_empty() {
        return Ok(());
    }
    let text = format!(
        "the Redis user may not use {}: grant it what sessions need ({PERMISSIONS})",
        String::from_utf8_lossy(&refused)
    );
    Err(Error::new(ErrorKind::Config, text))
}

/// Warns of servers that remove sessions to make room. Needs `+info`; without it nothing is said.
#[cfg(feature = "tracing")]
async fn eviction(connection: &Connection) {
    let mut cmd = redis::cmd("INFO");
    cmd.arg("memory");
    for info in connection.send_to_all(&cmd).await {
        let Ok(Ok(info)) = info.map(redis::from_redis_value::<String>) else { continue };
        let line = |label| info.lines().find_map(|line| line.strip_prefix(label));
        let (limit, policy) = (line("maxmemory:"), line("maxmemory_policy:").unwrap_or("noeviction"));
        if limit != Some("0") && policy != "noeviction" {
            tracing::warn!(
                policy,
                "the Redis server evicts sessions when its memory is full, and users are logged out: set its \
                 maxmemory-policy to noeviction"
            );
            return;
        }
    }
}
