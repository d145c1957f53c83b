// The facade under another name: `crate` says which.
mod web {
    pub use http_session as sessions;
}
use web::sessions::session_config;

#[session_config(max_inactive = 60, crate = "crate::web::sessions")]
struct Sessions;

#[allow(non_snake_case)]
mod http_session_not_named {
    // An edition 2024 crate that does not call the facade `http_session` has no `::http_session`; here the path
    // alone decides.
    #[crate::web::sessions::session_config(crate = "crate::web::sessions")]
    pub struct Inner;
}

fn main() {
    drop((Sessions::builder(), http_session_not_named::Inner::builder()));
    drop(Sessions::layer());
}
