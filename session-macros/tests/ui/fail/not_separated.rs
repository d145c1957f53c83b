use http_session::session_config;

#[session_config(max_inactive = 1800 store = 5, namespace "shop", = 3)]
struct Sessions;

fn main() {}
