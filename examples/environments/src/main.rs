//! `SESSION_PROFILE=dev cargo run -p environments`: one program in three environments. Which store it keeps its sessions
//! in is said in `session.toml`, which lies beside this crate's manifest, and nowhere in the code.

use std::path::Path;

use axum::Router;
use axum::routing::get;
use http_session::axum::{Attributes, Result};
use http_session::{SessionAttributes, session_config};

/// Idle for half an hour at most, where the file says nothing else.
#[session_config(max_inactive = "30m")]
struct Sessions;

#[derive(SessionAttributes)]
struct Visits {
    #[attribute(default)]
    count: u32,
}

async fn visit(mut visits: Attributes<Visits>) -> Result<String> {
    *visits.edit().count += 1;
    Ok(format!("{}\n", visits.count))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = || Sessions::builder().file(Path::new(env!("CARGO_MANIFEST_DIR")).join("session.toml"));
    // What holds, and why.
    #[expect(clippy::print_stdout, reason = "a program for people")]
    {
        println!("{}", sessions().explain()?);
    }
    let app = Router::new().route("/", get(visit)).layer(sessions().layer().await?);
    let address = std::env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:9001".to_owned());
    axum::serve(tokio::net::TcpListener::bind(address).await?, app).await?;
    Ok(())
}
