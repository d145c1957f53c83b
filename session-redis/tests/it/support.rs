//! What the tests of the store have in common.

use std::net::Ipv4Addr;
use std::time::Duration;

use session_core::{Error, ErrorKind};
use session_redis::RedisStore;
use session_testkit::RedisServer;
pub(crate) use session_testkit::sample::{NOW, StoreExt, counting, digest, handle, id, op, setting};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A namespace that no other test has.
pub(crate) fn namespace() -> String {
    format!("test-{}", handle())
}

/// A store at this port of 127.0.0.1.
pub(crate) async fn store_at(port: u16) -> RedisStore {
    RedisStore::connect(format!("redis://127.0.0.1:{port}")).await.unwrap()
}

/// What an error says.
#[track_caller]
pub(crate) fn is(error: &Error, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(words), "{error:?}");
}

/// The port of something that is no Redis: a web server, for one client.
pub(crate) async fn web_server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        client.read_u8().await.unwrap();
        client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
    });
    port
}

/// How many connections a server was asked for so far.
pub(crate) fn connections(server: &RedisServer) -> u64 {
    let info: String = server.query(&["INFO", "stats"]);
    let count = info.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    count.unwrap().parse().unwrap()
}

/// Makes all that is stored in a namespace older, as if so much time had passed.
pub(crate) fn move_back(server: &RedisServer, namespace: &str, by: Duration) {
    let millis = by.as_millis().to_string();
    server.query::<()>(&["EVAL", MOVE_BACK, "0", &format!("{namespace}:*"), &millis]);
}

const MOVE_BACK: &str = r"
local NEVER = '253402300799999'
local function back(time)
  if time == '-' or time == NEVER then return time end
  return string.format('%.0f', time - ARGV[2])
end
local function record_back(key)
  for _, field in ipairs({'N', 'O', 's', 'r'}) do
    local time = redis.call('HGET', key, field)
    if time then redis.call('HSET', key, field, back(time)) end
  end
  local u = redis.call('HGET', key, 'u')
  if u then redis.call('HSET', key, 'u', (string.gsub(u, '%d+', back))) end
  local m = redis.call('HGET', key, 'm')
  if m then
    local words = {}
    for word in string.gmatch(m, '%S+') do
      -- The third is the idle timeout.
      words[#words + 1] = #words == 2 and word or back(word)
    end
    redis.call('HSET', key, 'm', table.concat(words, ' '))
  end
  local p = redis.call('HGET', key, 'p')
  if p then
    local entered, name = string.match(p, '^(%d+) (.*)$')
    redis.call('HSET', key, 'p', back(entered) .. ' ' .. name)
  end
end
local function index_back(key)
  local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for i = 1, #members, 2 do
    local score = tonumber(members[i + 1])
    if score > 0 and members[i + 1] ~= NEVER then redis.call('ZADD', key, score - ARGV[2], members[i]) end
    if score < 0 then redis.call('ZADD', key, score + ARGV[2], members[i]) end
  end
end
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' then index_back(key) elseif kind == 'hash' then record_back(key) end
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[2]) end
end";
