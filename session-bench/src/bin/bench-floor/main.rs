//! The floor: what the routes cost when somebody who knows axum and Redis well writes them by hand, with the commands
//! that the session store sends and with no session code at all.
//!
//! It cuts every corner that can be cut: the cookie is taken as it is, its first half is the key and its second half
//! stands in the record as it was sent; nothing is hashed, nothing is decoded as JSON, no end is checked but
//! Redis' own. So what is measured above it is all that sessions cost, the useful and the avoidable.

mod cookie;
mod store;

use std::env;
use std::error::Error;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::routing::get;
use session_bench::{BIG_ATTRIBUTES, BIG_NAME, SMALL, big_name, big_value, count};

use cookie::Id;
use store::Store;

type Answer<T> = Result<T, StatusCode>;

fn main() -> Result<(), Box<dyn Error>> {
    session_bench::serve(async {
        let url = env::var("REDIS_URL").map_err(|_| "REDIS_URL is not set")?;
        let routes = Router::new()
            .route("/none", get(async || "ok"))
            .route("/read", get(read))
            .route("/write", get(write))
            .route("/update", get(update))
            .route("/new", get(new))
            .route("/big-init", get(big_init))
            .route("/big-write", get(big_write))
            .route("/big-read", get(big_read))
            .route("/big-load", get(big_load));
        Ok(routes.with_state(Store::connect(&url).await?))
    })
}

async fn read(State(store): State<Store>, headers: HeaderMap) -> Answer<&'static str> {
    match store.attribute_of_all(id(&headers)?, "a:v").await? {
        Some(_) => Ok("ok"),
        None => Ok("miss"),
    }
}

async fn write(State(store): State<Store>, headers: HeaderMap) -> Answer<&'static str> {
    store.save_and_touch(id(&headers)?, "a:n", &count().to_string()).await?;
    Ok("ok")
}

async fn update(State(store): State<Store>, headers: HeaderMap) -> Answer<&'static str> {
    let id = id(&headers)?;
    store.attribute_of_all(id, "a:v").await?;
    store.save(id, "a:n", &count().to_string()).await?;
    Ok("ok")
}

async fn new(State(store): State<Store>) -> Answer<([(HeaderName, String); 2], &'static str)> {
    let id = cookie::new().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    store.create(Id::of(&id), &[("a:v", SMALL)]).await?;
    Ok((cookie::headers(&id), "ok"))
}

async fn big_init(State(store): State<Store>) -> Answer<([(HeaderName, String); 2], &'static str)> {
    let id = cookie::new().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let names: Vec<String> = (0..BIG_ATTRIBUTES).map(|n| format!("a:{}", big_name(n))).collect();
    let value = big_value('a');
    let attributes: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
    store.create(Id::of(&id), &attributes).await?;
    Ok((cookie::headers(&id), "ok"))
}

async fn big_write(State(store): State<Store>, headers: HeaderMap) -> Answer<&'static str> {
    store.save_and_touch(id(&headers)?, &format!("a:{BIG_NAME}"), &big_value('b')).await?;
    Ok("ok")
}

async fn big_read(State(store): State<Store>, headers: HeaderMap) -> Answer<String> {
    let value = store.attribute(id(&headers)?, &format!("a:{BIG_NAME}")).await?;
    Ok(value.ok_or(StatusCode::NOT_FOUND)?.len().to_string())
}

async fn big_load(State(store): State<Store>, headers: HeaderMap) -> Answer<String> {
    let value = store.attribute_of_all(id(&headers)?, &format!("a:{BIG_NAME}")).await?;
    Ok(value.ok_or(StatusCode::NOT_FOUND)?.len().to_string())
}

fn id(headers: &HeaderMap) -> Answer<Id<'_>> {
    let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
    cookie.and_then(cookie::find).ok_or(StatusCode::UNAUTHORIZED)
}
