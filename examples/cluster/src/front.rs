//! The built-in front: each request to the next node. What nginx does with `nginx.conf`, where nginx is not at hand.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The longest body that is passed on.
const MAX_BODY: usize = 1024 * 1024;

/// What concerns one connection only (RFC 9110, 7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

struct Front {
    client: Client<HttpConnector, Body>,
    nodes: Vec<u16>,
    next: AtomicUsize,
}

pub(crate) fn router(nodes: &[u16]) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let front = Front { client, nodes: nodes.to_vec(), next: AtomicUsize::new(0) };
    Router::new().fallback(forward).with_state(Arc::new(front))
}

async fn forward(State(front): State<Arc<Front>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    remove_hop_by_hop(&mut parts.headers);
    for _ in &front.nodes {
        match front.client.request(to_next(&front, &parts, &body)).await {
            Ok(answer) => return passed_on(answer.map(Body::new)),
            // It has reached no node, or changes nothing: another one may have it.
            Err(error) if error.is_connect() || parts.method.is_safe() => {}
            // It may have been carried out. Sending it again is for the user to decide.
            Err(_) => return (StatusCode::BAD_GATEWAY, "The node broke off.\n").into_response(),
        }
    }
    (StatusCode::BAD_GATEWAY, "No node can be reached.\n").into_response()
}

fn to_next(front: &Front, parts: &Parts, body: &Bytes) -> Request {
    let turn = front.next.fetch_add(1, Ordering::Relaxed);
    let port = front.nodes[turn % front.nodes.len()];
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = parts.method.clone();
    *request.headers_mut() = parts.headers.clone();
    *request.uri_mut() = on_node(port, &parts.uri);
    request
}

fn on_node(port: u16, uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(format!("{}:{port}", Ipv4Addr::LOCALHOST)).ok();
    Uri::from_parts(parts).unwrap_or_default()
}

fn passed_on(mut answer: Response) -> Response {
    remove_hop_by_hop(answer.headers_mut());
    answer
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
