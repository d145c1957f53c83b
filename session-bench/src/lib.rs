//! What the bench servers have in common: the same runtime, the same listener, the same values. They differ in what
//! stands between a request and its answer, and in nothing else.
//!
//! | binary | what it is |
//! |---|---|
//! | `bench-server` | this project's sessions, in the store that `SESSION_STORE` names; with `PER_ROUTE` their layer is around each route |
//! | `bench-floor` | the same Redis commands, written by hand with axum and redis-rs |
//! | `bench-tower-sessions` | tower-sessions and its store for PostgreSQL, in a workspace of its own in `peers/` |
//! | `bench-plain` | axum without sessions: the route `/none` |
//!
//! `bench-million` is no server: it measures the store for PostgreSQL with a million sessions.
//!
//! Each listens on `127.0.0.1:$PORT` with `$WORKERS` threads (2 by default). `cargo xtask bench` runs them.

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::ServiceExt as _;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tower_service::Service;

/// The value of attribute `v`: 32 bytes.
pub const SMALL: &str = "0123456789abcdef0123456789abcdef";

/// How many attributes `/big-init` sets, 512 bytes each.
pub const BIG_ATTRIBUTES: usize = 20;

/// The attribute of those that `/big-write` and `/big-read` are about.
pub const BIG_NAME: &str = "attr07";

/// How long a session lives: a day after its last use.
pub const LIFE_SECONDS: u64 = 86_400;

/// The name of the `n`-th large attribute.
#[must_use]
pub fn big_name(n: usize) -> String {
    format!("attr{n:02}")
}

/// A value of 512 bytes. What `/big-write` sets is another one than what `/big-init` has set.
#[must_use]
pub fn big_value(filler: char) -> String {
    String::from(filler).repeat(512)
}

/// Another number at each call.
pub fn count() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// Runs the server that `service` resolves to, on `PORT` and with `WORKERS` threads, until it is killed.
///
/// A router comes with its state, also with none (`with_state(())`): axum then builds its routes once, and not at each
/// request.
///
/// # Errors
///
/// When `PORT` is missing or taken, or `service` fails.
pub fn serve<S>(service: impl Future<Output = Result<S, Box<dyn Error>>>) -> Result<(), Box<dyn Error>>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    let port: u16 = env::var("PORT").map_err(|_| "PORT is not set")?.parse()?;
    let workers: usize = env::var("WORKERS").map_or(Ok(2), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(async {
        let service = service.await?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let listener = listener.tap_io(|stream| {
            // Without it small answers wait for the client's acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, service.into_make_service()).await?)
    })
}
