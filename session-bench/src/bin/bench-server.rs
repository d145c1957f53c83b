//! This project's sessions: the load contract, written as an application would write it that wants the layer to cost
//! the least, around the router. With `PER_ROUTE` set it is around each route, by `Router::layer`.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use http_session::axum::{LazySession, Result, Session};
use http_session::session_config;
use serde::Deserialize;
use session_bench::{BIG_ATTRIBUTES, BIG_NAME, SMALL, big_name, big_value, count};
use tower_layer::Layer as _;

#[session_config(max_inactive = "24h", namespace = "bench", cookie(secure = false))]
struct Sessions;

#[derive(Deserialize)]
struct Params {
    k: String,
    #[serde(default)]
    ms: u64,
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    if env::var_os("PER_ROUTE").is_some() {
        return session_bench::serve(async { Ok(routes().layer(Sessions::layer().await?).with_state(())) });
    }
    session_bench::serve(async { Ok(Sessions::layer().await?.layer(routes().with_state(()))) })
}

fn routes() -> Router {
    Router::new()
        .route("/none", get(async || "ok"))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/update", get(update))
        .route("/new", get(new))
        .route("/big-init", get(big_init))
        .route("/big-write", get(big_write))
        .route("/big-read", get(big_read))
        .route("/big-load", get(big_load))
        .route("/get", get(value))
        .route("/race", get(race))
        .route("/destroy", get(destroy))
}

async fn read(session: Session) -> Result<&'static str> {
    Ok(if session.get::<String>("v")?.is_some() { "ok" } else { "miss" })
}

async fn write(session: LazySession) -> Result<&'static str> {
    session.insert("n", &count())?;
    Ok("ok")
}

async fn update(session: Session) -> Result<&'static str> {
    session.get::<String>("v")?;
    session.insert("n", &count())?;
    Ok("ok")
}

async fn new(session: LazySession) -> Result<&'static str> {
    session.insert("v", SMALL)?;
    Ok("ok")
}

async fn big_init(session: LazySession) -> Result<&'static str> {
    for n in 0..BIG_ATTRIBUTES {
        session.insert(&big_name(n), &big_value('a'))?;
    }
    Ok("ok")
}

async fn big_write(session: LazySession) -> Result<&'static str> {
    session.insert(BIG_NAME, &big_value('b'))?;
    Ok("ok")
}

async fn big_read(session: LazySession) -> Result<String> {
    Ok(session.fetch::<String>(BIG_NAME).await?.map_or(0, |value| value.len()).to_string())
}

/// The same with all of them at hand.
async fn big_load(session: Session) -> Result<String> {
    Ok(session.get::<String>(BIG_NAME)?.map_or(0, |value| value.len()).to_string())
}

async fn value(session: Session, Query(params): Query<Params>) -> Result<String> {
    Ok(session.get(&params.k)?.unwrap_or_else(|| "-".to_owned()))
}

async fn race(session: Session, Query(params): Query<Params>) -> Result<&'static str> {
    session.get::<String>("v")?;
    tokio::time::sleep(Duration::from_millis(params.ms)).await;
    session.insert(&params.k, "set")?;
    Ok("ok")
}

async fn destroy(session: LazySession) -> Result<&'static str> {
    session.invalidate().await?;
    Ok("ok")
}
