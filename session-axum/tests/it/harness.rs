use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::any};
use http_body_util::BodyExt as _;
use session_axum::{LazySession, Result, SessionLayer};
use session_core::{SessionManager, SessionStore};
use session_memory::MemoryStore;
use session_redis::RedisStore;
use session_sql::SqlStore;
use session_testkit::adapter::{AdapterHarness, App, Handler, Reply, Request};
use session_testkit::{ManualClock, PostgresServer, RedisServer};
use tower::{Service, ServiceExt as _};

/// What is slow because the machine is busy is not what these tests are about.
const PATIENCE: Duration = Duration::from_secs(20);

/// A router, or a service around one, that is called as the server would, without the socket.
pub(crate) struct Axum<S = Router>(pub(crate) S);

#[async_trait]
impl<S> App for Axum<S>
where
    S: Service<http::Request<Body>, Response = Response, Error = Infallible, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    async fn call(&self, request: Request) -> Option<Reply> {
        let mut sent = http::Request::new(Body::empty());
        *sent.uri_mut() = request.path.parse().expect("a path");
        for (name, value) in &request.headers {
            let name: HeaderName = name.parse().expect("a header name");
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            sent.headers_mut().append(name, value);
        }
        // A task of its own stands for the server's, which ends when a handler panics, and when its client leaves.
        let mut task = AbortOnDrop(tokio::spawn(self.0.clone().oneshot(sent)));
        let response = (&mut task.0).await.ok()?.expect("routers do not fail");
        Some(reply(response).await)
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn reply(response: Response) -> Reply {
    let (parts, body) = response.into_parts();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("an ASCII header").to_owned()));
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("a text");
    Reply { status: parts.status.as_u16(), headers: headers.collect(), body }
}

/// The kit's handler behind the layer.
pub(crate) fn mount(manager: Arc<SessionManager>, handler: Handler) -> Arc<dyn App> {
    let run = move |session: LazySession, uri: http::Uri| {
        let handler = handler.clone();
        async move {
            let outcome = handler.run((*session).clone(), uri.path()).await?;
            let status = http::StatusCode::from_u16(outcome.status).expect("a status");
            Result::<Response>::Ok((status, [("x-handler", "ran")], outcome.body).into_response())
        }
    };
    Arc::new(Axum(Router::new().fallback(any(run)).layer(SessionLayer::new(manager))))
}

/// Sessions in memory, on a clock that is moved.
pub(crate) struct OnMemory {
    clock: ManualClock,
}

impl OnMemory {
    pub(crate) fn new() -> Self {
        Self { clock: ManualClock::new() }
    }
}

#[async_trait]
impl AdapterHarness for OnMemory {
    async fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(MemoryStore::builder().clock(self.clock.clone()).build())
    }

    fn mount(&self, manager: Arc<SessionManager>, handler: Handler) -> Arc<dyn App> {
        mount(manager, handler)
    }

    async fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

/// Sessions in a real Redis, whose clock decides: time really passes. All cases share a server, and each store has
/// a namespace of its own.
pub(crate) struct OnRedis {
    server: Arc<RedisServer>,
}

impl OnRedis {
    pub(crate) fn new() -> Self {
        Self { server: RedisServer::shared() }
    }
}

#[async_trait]
impl AdapterHarness for OnRedis {
    async fn store(&self) -> Arc<dyn SessionStore> {
        static STORES: AtomicUsize = AtomicUsize::new(0);
        let namespace = format!("axum{}", STORES.fetch_add(1, Ordering::Relaxed));
        let store = RedisStore::builder(self.server.url()).namespace(namespace).budget(PATIENCE);
        Arc::new(store.connect().await.expect("a store"))
    }

    fn mount(&self, manager: Arc<SessionManager>, handler: Handler) -> Arc<dyn App> {
        mount(manager, handler)
    }

    async fn advance(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Sessions in a real PostgreSQL, each store in a database of its own.
pub(crate) struct OnPostgres {
    server: Arc<PostgresServer>,
}

impl OnPostgres {
    pub(crate) fn new() -> Self {
        Self { server: PostgresServer::shared() }
    }
}

#[async_trait]
impl AdapterHarness for OnPostgres {
    async fn store(&self) -> Arc<dyn SessionStore> {
        let store = SqlStore::builder(self.server.url(&self.server.database())).budget(PATIENCE);
        Arc::new(store.connect().await.expect("a store"))
    }

    fn mount(&self, manager: Arc<SessionManager>, handler: Handler) -> Arc<dyn App> {
        mount(manager, handler)
    }

    async fn advance(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// The races are the adapter's: the store's have a list of their own.
    fn repetitions(&self) -> usize {
        1_000
    }
}
