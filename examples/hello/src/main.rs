//! `cargo run -p hello`, then <http://127.0.0.1:9001/set-session?sessionVal=tea> and <http://127.0.0.1:9001/get-session>.

use axum::{Router, extract::Query, routing::get};
use http_session::{
    axum::{Result, Session},
    session_config,
};

/// Idle for half an hour at most; stored wherever the environment says.
#[session_config(max_inactive = 1800)]
struct Sessions;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    session_val: String,
}

async fn set(session: Session, Query(params): Query<Params>) -> Result<String> {
    session.insert("sessionVal", &params.session_val)?; // synchronous: the extractor has loaded the session
    Ok(params.session_val)
}

async fn read(session: Session) -> Result<String> {
    Ok(session.get::<String>("sessionVal")?.unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route("/set-session", get(set))
        .route("/get-session", get(read))
        .layer(Sessions::layer().await?); // memory by default; SESSION_STORE=redis://… in production
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:9001").await?, app).await?;
    Ok(())
}
