use http_session::session_config;

struct Opaque;

#[session_config()]
struct Unreadable {
    #[value("${a}")]
    opaque: Opaque,
}

#[derive(Debug)]
struct Mute;

impl std::str::FromStr for Mute {
    type Err = std::fmt::Error;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Ok(Self)
    }
}

#[session_config(namespace = "{mute}")]
struct Unshowable {
    #[value("${a}")]
    mute: Mute,
}

fn main() {}
