use http_session::session_config;

#[session_config(max_inactive = 1800)]
enum Enum {
    A,
}

#[session_config(max_inactive = 1800)]
struct Tuple(#[value("${a}")] String);

#[session_config(max_inactive = 1800)]
struct Generic<T> {
    #[value("${a}")]
    a: T,
}

#[session_config(max_inactive = 1800)]
fn function() {}

#[session_config(max_inactive = 1800)]
union Union {
    a: u8,
}

fn main() {}
