use http_session::session_config;

#[session_config(store = "redis://{hots}:{port}", namespace = "${shop.name:{name}}")]
struct Sessions {
    #[value("${redis.hostname:localhost}")]
    host: String,
    #[value("${redis.port:6379}")]
    port: u16,
}

#[session_config(store = "redis://{host}")]
struct NoFields;

fn main() {}
