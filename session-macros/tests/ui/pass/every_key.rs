// Every key, in each of its forms.
use http_session::{CookieResolver, JsonCodec, MemoryStore, Result, Secret, session_config};
use std::time::Duration;

#[session_config(
    max_inactive = "1h30m",
    anonymous_max_inactive = 5 * 60,
    max_lifetime = "12h",
    renew_every = "15m",
    touch = 0,
    store = "${session.url:memory:}",
    namespace = "shop/{region}",
    flush = immediate,
    save = "read",
    save_on_error,
    max_attribute_bytes = "64KiB",
    max_session_bytes = 262144,
    max_attributes = 100,
    budget = "500ms",
    sweep = "never",
    events,
    cookie(
        name = "shop",
        path = "/shop",
        domain = "example.org",
        same_site = "Strict",
        secure = true,
        http_only = true,
        partitioned = "${shop.embedded:false}",
        max_age = "30d",
        base64,
        route = "{node}",
    ),
    config = "no-such-file.toml",
    crate = "http_session",
)]
pub struct WithCookie {
    #[value("${region:eu}")]
    region: String,
    #[value("${node:a}")]
    node: char,
    /// Used by nothing but the application.
    #[value("${workers:4}")]
    pub workers: std::num::NonZeroUsize,
    #[value("${timeout:1m30s}")]
    timeout: Duration,
    #[value("${password}")]
    password: Option<Secret>,
    #[value("${grace}")]
    grace: Option<Duration>,
    #[cfg(any())]
    #[value("${not.there}")]
    not_there: NotThere,
}

#[session_config(max_inactive = "never", max_lifetime = "never", renew_every = "never", header = "X-Auth-Token")]
struct WithHeader {}

#[session_config(bearer, flush = on_commit, save = changed, save_on_error = false)]
struct WithBearer;

#[session_config(bearer = false, cookie(same_site = Lax))]
struct WithoutBearer;

#[session_config(store = stores::open, codec = JsonCodec::default(), resolver = CookieResolver::default())]
struct WithItsOwn {
    #[value("${size:10}")]
    size: u64,
}

mod stores {
    pub(super) async fn open(config: &super::WithItsOwn) -> super::Result<super::MemoryStore> {
        let _ = config.size;
        Ok(super::MemoryStore::new())
    }
}

const CODEC: fn() -> JsonCodec = JsonCodec::default;

#[session_config(codec = CODEC())]
struct WithConstant;

#[session_config()]
struct Nothing;

fn main() {
    let _ = (WithCookie::builder(), WithHeader::builder(), Nothing::builder());
    let _ = (WithBearer::builder(), WithoutBearer::builder(), WithItsOwn::builder(), WithConstant::builder());
    let read = WithCookie::from_source(&[("workers", "2"), ("grace", "5s")]).unwrap();
    assert_eq!((read.workers.get(), read.timeout.as_secs()), (2, 90));
    assert_eq!((read.password, read.grace), (None, Some(Duration::from_secs(5))));
    println!("{}", WithCookie::builder().source([("node", "b")]).explain().unwrap());
}
