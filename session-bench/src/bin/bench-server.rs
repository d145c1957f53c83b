//! This project's sessions, in the store that `SESSION_STORE` names.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use http_session::axum::{LazySession, Result, Session};
use http_session::session_config;
use serde::Deserialize;
use session_bench::{BIG_ATTRIBUTES, BIG_NAME, SMALL, big_name, big_value, count};

#[session_config(max_inactive = 86_400, namespace = "bench", cookie(plain_http))]
struct Sessions;

fn main() -> Result<(), Box<dyn Error>> {
    session_bench::serve(async {
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
        Ok(routes.layer(Sessions::layer().await?))
    })
}

async fn read(session: Session) -> Result<&'static str> {
    match session.get::<String>("v")? {
        Some(_) => Ok("ok"),
        None => Ok("miss"),
    }
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
    let value = session.fetch::<String>(BIG_NAME).await?;
    Ok(value.map_or(0, |value| value.len()).to_string())
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "k")]
    name: String,
    #[serde(rename = "ms", default)]
    millis: u64,
}

async fn value(session: Session, Query(attribute): Query<Attribute>) -> Result<String> {
    Ok(session.get(&attribute.name)?.unwrap_or_else(|| "-".to_owned()))
}

async fn race(session: Session, Query(attribute): Query<Attribute>) -> Result<&'static str> {
    session.get::<String>("v")?;
    tokio::time::sleep(Duration::from_millis(attribute.millis)).await;
    session.insert(&attribute.name, "set")?;
    Ok("ok")
}

async fn destroy(session: LazySession) -> Result<&'static str> {
    session.invalidate().await?;
    Ok("ok")
}
