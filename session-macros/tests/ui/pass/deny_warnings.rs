// Generated code warns of nothing, whatever the application denies.
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, missing_debug_implementations)]
//! An application that is strict with itself.

use http_session::session_config;

mod config {
    use http_session::session_config;

    /// Seen by the parent only.
    #[session_config(namespace = "inner")]
    #[derive(Debug)]
    pub(super) struct Inner;
}

/// Seen by everybody.
#[session_config(max_inactive = "30m", store = "redis://{host}")]
#[derive(Debug)]
pub struct Sessions {
    #[value("${redis.hostname:localhost}")]
    host: String,
}

fn main() {
    drop(config::Inner::builder());
}
