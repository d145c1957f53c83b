use http_session::{CookieResolver, session_config};

#[session_config(cookie(name = "id"), header = "X-Auth-Token")]
struct Both;

#[session_config(header = "X-Auth-Token", bearer)]
struct HeaderAndBearer;

#[session_config(bearer, cookie(name = "id"))]
struct CookieAndBearer;

#[session_config(resolver = CookieResolver::default(), header = "X-Auth-Token")]
struct OwnAndHeader;

fn main() {}
