//! axum without sessions: the ceiling. `/layered` is the same behind a layer that does nothing, for what axum asks for
//! any layer.

use std::error::Error;

use axum::Router;
use axum::routing::get;
use tower_layer::Identity;

fn main() -> Result<(), Box<dyn Error>> {
    session_bench::serve(async {
        let layered = Router::new().route("/layered", get(async || "ok")).layer(Identity::new());
        Ok(layered.route("/none", get(async || "ok")))
    })
}
