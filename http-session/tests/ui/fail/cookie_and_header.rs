use http_session::session_config;

#[session_config(cookie(name = "id"), header = "X-Auth-Token")]
struct Both;

fn main() {}
