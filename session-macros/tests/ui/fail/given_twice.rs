use http_session::session_config;

#[session_config(store = "memory:", store = "memory:", cookie(name = "a", name = "b"), cookie())]
struct Twice;

fn main() {}
