use http_session::session_config;

#[session_config(maxInactive = 1800)]
struct Spelled;

#[session_config(timeout = 1800)]
struct Foreign;

#[session_config(cookie(samesite = "Lax", max_age = 5))]
struct InCookie;

fn main() {}
