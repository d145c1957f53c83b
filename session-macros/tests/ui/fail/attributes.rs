use http_session::SessionAttributes;

#[derive(SessionAttributes)]
enum NotAStruct {
    A,
}

#[derive(SessionAttributes)]
struct NoNames(u8, u8);

#[derive(SessionAttributes)]
struct Borrowed<'a> {
    name: &'a str,
}

#[derive(SessionAttributes)]
struct Nothing {
    #[attribute(skip)]
    cached: u8,
}

#[derive(SessionAttributes)]
#[attributes(perfix = "cart")]
struct Misspelled {
    #[attribute(nam = "a")]
    a: u8,
    #[attribute(onetime)]
    b: Option<u8>,
    #[attribute(name = 5)]
    c: u8,
    #[attribute(name = "")]
    d: u8,
    #[attribute(default, default = 1)]
    e: u8,
}

#[derive(SessionAttributes)]
struct Contradictory {
    #[attribute(skip, one_time)]
    a: u8,
    b: u8,
    #[attribute(name = "b")]
    c: u8,
}

fn main() {}
