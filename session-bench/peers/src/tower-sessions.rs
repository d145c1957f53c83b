//! The routes of the bench servers with tower-sessions and its store for PostgreSQL, as its documentation shows them:
//! the pool, the layer and the handlers have the defaults. It takes the database from `PG_URL`.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use bench::{BIG_ATTRIBUTES, BIG_NAME, LIFE_SECONDS, SMALL, big_name, big_value, count};
use serde::Deserialize;
use tower_sessions::session::Error as SessionError;
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tower_sessions_sqlx_store::PostgresStore;
use tower_sessions_sqlx_store::sqlx::PgPool;

// The same runtime, listener and values as the servers that it is compared with, without their dependencies.
#[path = "../../src/lib.rs"]
mod bench;

type Answer<T> = Result<T, Failed>;

/// A store that fails is a 500.
struct Failed(SessionError);

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        (axum::http::StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

#[derive(Deserialize)]
struct Params {
    k: String,
    #[serde(default)]
    ms: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    bench::serve(async {
        let url = env::var("PG_URL").map_err(|_| "PG_URL is not set")?;
        let store = PostgresStore::new(PgPool::connect(&url).await?);
        store.migrate().await?;
        let life = time::Duration::seconds(LIFE_SECONDS.try_into()?);
        let layer =
            SessionManagerLayer::new(store).with_secure(false).with_expiry(Expiry::OnInactivity(life));
        let routes = Router::new()
            .route("/none", get(async || "ok"))
            .route("/read", get(read))
            .route("/write", get(write))
            .route("/update", get(update))
            .route("/new", get(new))
            .route("/big-init", get(big_init))
            .route("/big-write", get(big_write))
            .route("/big-read", get(big_read))
            .route("/get", get(value))
            .route("/race", get(race))
            .route("/destroy", get(destroy));
        Ok(routes.layer(layer).with_state(()))
    })
}

async fn read(session: Session) -> Answer<&'static str> {
    Ok(if session.get::<String>("v").await?.is_some() { "ok" } else { "miss" })
}

async fn write(session: Session) -> Answer<&'static str> {
    session.insert("n", count()).await?;
    Ok("ok")
}

async fn update(session: Session) -> Answer<&'static str> {
    session.get::<String>("v").await?;
    session.insert("n", count()).await?;
    Ok("ok")
}

async fn new(session: Session) -> Answer<&'static str> {
    session.insert("v", SMALL).await?;
    Ok("ok")
}

async fn big_init(session: Session) -> Answer<&'static str> {
    for n in 0..BIG_ATTRIBUTES {
        session.insert(&big_name(n), big_value('a')).await?;
    }
    Ok("ok")
}

async fn big_write(session: Session) -> Answer<&'static str> {
    session.insert(BIG_NAME, big_value('b')).await?;
    Ok("ok")
}

async fn big_read(session: Session) -> Answer<String> {
    Ok(session.get::<String>(BIG_NAME).await?.map_or(0, |value| value.len()).to_string())
}

async fn value(session: Session, Query(params): Query<Params>) -> Answer<String> {
    Ok(session.get(&params.k).await?.unwrap_or_else(|| "-".to_owned()))
}

async fn race(session: Session, Query(params): Query<Params>) -> Answer<&'static str> {
    session.get::<String>("v").await?;
    tokio::time::sleep(Duration::from_millis(params.ms)).await;
    session.insert(&params.k, "set").await?;
    Ok("ok")
}

async fn destroy(session: Session) -> Answer<&'static str> {
    session.flush().await?;
    Ok("ok")
}
