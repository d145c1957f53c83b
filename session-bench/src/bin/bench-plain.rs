//! axum without sessions: the ceiling.

use std::error::Error;

use axum::Router;
use axum::routing::get;

fn main() -> Result<(), Box<dyn Error>> {
    session_bench::serve(async { Ok(Router::new().route("/none", get(async || "ok")).with_state(())) })
}
