use http_session::session_config;

#[session_config(store = "localhost")]
struct NoUrl;

#[session_config(namespace = "")]
struct NoNamespace;

#[session_config(namespace = "the shop")]
struct BlankInNamespace;

#[session_config(header = "X Auth Token")]
struct NoToken;

fn main() {}
