// Every key, in each of its forms.
use http_session::session_config;

#[session_config(
    max_inactive = "1h30m",
    store = "${session.url:memory:}",
    namespace = "shop/{region}",
    cookie(
        name = "shop",
        path = "/shop",
        domain = "example.org",
        same_site = "Strict",
        http_only = true,
        plain_http,
    ),
    crate = "http_session",
)]
pub struct WithCookie {
    #[value("${region:eu}")]
    region: String,
    /// Used by nothing but the application.
    #[value("${workers:4}")]
    pub workers: std::num::NonZeroUsize,
    #[cfg(any())]
    #[value("${not.there}")]
    not_there: NotThere,
}

#[session_config(max_inactive = "never", header = "X-Auth-Token")]
struct WithHeader {}

#[session_config()]
struct Nothing;

fn main() {
    let _ = (WithCookie::builder(), WithHeader::builder(), Nothing::builder());
    assert_eq!(WithCookie::from_source(&[("workers", "2")]).unwrap().workers.get(), 2);
}
