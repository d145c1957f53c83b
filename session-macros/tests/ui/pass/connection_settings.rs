// The struct carries the connection settings itself.
use http_session::session_config;

#[session_config(max_inactive = 1800, store = "redis://{host}:{port}", namespace = "shop")]
struct Sessions {
    #[value("${redis.hostname:localhost}")]
    host: String,
    #[value("${redis.port:6379}")]
    port: u16,
}

fn main() {
    let sessions = Sessions::from_source(&[("redis.port", "7000")]).unwrap();
    assert_eq!((sessions.host.as_str(), sessions.port), ("localhost", 7000));
    drop(sessions.into_builder());
    drop(Sessions::builder());
    assert!(Sessions::from_env().is_ok());
}
