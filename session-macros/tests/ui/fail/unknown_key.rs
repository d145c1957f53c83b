use http_session::session_config;

#[session_config(maxInactive = 1800)]
struct Spelled;

#[session_config(timeout = 1800)]
struct Foreign;

#[session_config(colour = "red")]
struct NothingLikeIt;

#[session_config(cookie(samesite = "Lax", store = "memory:"), domain = "example.org")]
struct InCookie;

fn main() {}
