use http_session::session_config;

#[session_config(flush = "immediatly", save = chnaged)]
struct Misspelled;

#[session_config(flush = 1, save_on_error = "yes", bearer = 1)]
struct OtherTypes;

#[session_config(cookie(route = "a.b"))]
struct Route;

fn main() {}
