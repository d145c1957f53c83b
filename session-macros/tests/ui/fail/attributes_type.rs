use http_session::SessionAttributes;

struct Opaque;

#[derive(SessionAttributes)]
struct NoDefault {
    name: String,
    #[attribute(default)]
    id: std::num::NonZeroU8,
    #[attribute(skip)]
    opaque: Opaque,
}

fn main() {}
