//! One server. The sessions are here: the annotation, and handlers that take a `Session`.

use std::collections::BTreeMap;

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_session::axum::{Result, Session, SessionLayer};
use http_session::{Env, Source, session_config};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page::Page;

/// Idle for half an hour at most; in memory, or wherever `--store` says.
///
/// `secure = false`, because this runs on `http://127.0.0.1`, where not every browser takes a `Secure` cookie. Leave it
/// out where there is TLS.
#[session_config(max_inactive = 1800, namespace = "cluster", cookie(secure = false))]
struct Sessions;

/// What a request passes before it reaches a handler. Nodes in one process share it; nodes in several share what
/// is behind the store's URL.
pub(crate) async fn layer(store: Option<&str>) -> crate::Result<SessionLayer> {
    let settings = Settings { store: store.map(str::to_owned) };
    Ok(Sessions::builder().source(settings).layer().await?)
}

/// The environment, but for the store, which may also be an argument of this program.
struct Settings {
    store: Option<String>,
}

impl Source for Settings {
    fn get(&self, name: &str) -> Option<String> {
        if name == "session.store" { self.store.clone() } else { Env.get(name) }
    }
}

pub(crate) fn routes(port: u16) -> Router {
    Router::new()
        .route("/", get(show))
        .route("/set-session", get(set))
        .route("/get-session", get(read))
        .route("/session.json", get(describe))
        .route("/attributes", post(set_attribute))
        .route("/rotate", post(rotate))
        .route("/logout", post(log_out))
        .with_state(Node { port })
}

#[derive(Clone, Copy)]
struct Node {
    port: u16,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "sessionVal")]
    value: String,
}

async fn set(session: Session, Query(params): Query<Params>) -> Result<String> {
    session.insert("sessionVal", &params.value)?;
    Ok(params.value)
}

async fn read(session: Session) -> Result<String> {
    Ok(session.get::<String>("sessionVal")?.unwrap_or_default())
}

async fn describe(State(node): State<Node>, session: Session) -> Result<Json<Value>> {
    Ok(Json(json!({
        "node": node.port,
        "handle": session.handle().map(|handle| handle.to_string()),
        "attributes": attributes(&session)?,
        "created_at_ms": session.created_at().map(|moment| moment.as_millis()),
        "last_accessed_at_ms": session.last_accessed_at().map(|moment| moment.as_millis()),
        "idle_timeout_s": session.idle_timeout().map(|idle| idle.as_secs()),
    })))
}

async fn show(State(node): State<Node>, session: Session) -> Result<impl IntoResponse> {
    let attributes = attributes(&session)?;
    Ok(Page { node: node.port, session, attributes }.into_response())
}

#[derive(Deserialize)]
struct Attribute {
    name: String,
    value: String,
}

async fn set_attribute(session: Session, Form(attribute): Form<Attribute>) -> Result<Redirect> {
    session.insert(&attribute.name, &attribute.value)?;
    Ok(Redirect::to("/"))
}

/// Another id for the same session: what an application does whenever it changes what the user may do.
async fn rotate(session: Session) -> Result<Redirect> {
    session.rotate().await?;
    Ok(Redirect::to("/"))
}

async fn log_out(session: Session) -> Result<Redirect> {
    session.invalidate().await?;
    Ok(Redirect::to("/"))
}

fn attributes(session: &Session) -> Result<BTreeMap<String, Value>> {
    let mut attributes = BTreeMap::new();
    for name in session.names() {
        let value = session.get(&name)?.unwrap_or_default();
        attributes.insert(name.to_string(), value);
    }
    Ok(attributes)
}
