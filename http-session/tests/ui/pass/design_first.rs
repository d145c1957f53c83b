// The first sample of the documentation, whole.
use axum::{Router, extract::Query, routing::get};
use http_session::{
    axum::{Result, Session},
    session_config,
};

/// Idle for half an hour at most; stored wherever the environment says.
#[session_config(max_inactive = 1800)]
struct Sessions;

#[derive(serde::Deserialize)]
struct Params {
    #[serde(rename = "sessionVal")]
    value: String,
}

async fn set(session: Session, Query(q): Query<Params>) -> Result<String> {
    session.insert("sessionVal", &q.value)?; // synchronous: the extractor has loaded the session
    Ok(q.value)
}

async fn read(session: Session) -> Result<String> {
    Ok(session.get::<String>("sessionVal")?.unwrap_or_default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app: Router = Router::new()
        .route("/set-session", get(set))
        .route("/get-session", get(read))
        .layer(Sessions::layer().await?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    drop((listener, app));
    Ok(())
}
