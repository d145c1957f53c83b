use http_session::session_config;

#[session_config(store = "redis://${redis.hostname:localhost", namespace = "{}")]
struct Unclosed;

#[session_config(store = "redis://localhost}")]
struct Unopened;

#[session_config(store = "redis://${redis hostname}")]
struct Blank;

fn main() {}
