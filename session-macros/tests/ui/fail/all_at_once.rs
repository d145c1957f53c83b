// Every mistake in one compile, and none that only follows from another: the methods are there.
use http_session::session_config;

#[session_config(max_inactiv = 1800, store = 1, namespace = "{none}", cookie(same_site = "Never",), header = "X")]
struct Sessions {
    #[value("${a")]
    a: u16,
    b: u16,
    #[value("${c}")]
    c: u16,
}

#[session_config(max_inactive = 0)]
struct Other;

fn main() {
    let sessions = Sessions::from_env().unwrap();
    println!("{} {} {}", sessions.a, sessions.b, sessions.c);
    drop((Other::builder(), Other::layer()));
}
