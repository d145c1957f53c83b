use http_session::session_config;

#[session_config(max_inactive = 1.5)]
struct Float;

#[session_config(max_inactive = 1800u64)]
struct Suffix;

#[session_config(max_inactive = 86400 * DAYS)]
struct Expression;

#[session_config(max_inactive)]
struct NoValue;

#[session_config(store = 6379)]
struct Number;

#[session_config(cookie(http_only = "yes"))]
struct Flag;

#[session_config(cookie = "id")]
struct NotAList;

#[session_config(crate = http_session)]
struct NotAText;

#[session_config(crate = "not a path")]
struct NotAPath;

fn main() {}
