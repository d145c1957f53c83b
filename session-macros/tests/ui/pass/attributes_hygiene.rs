// Names of the standard library and of the facade mean something else here.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

mod http_session {}
mod core {}
mod std {}
mod serde {}

enum Option {}
enum Some {}
enum Result {}
enum Ok {}
enum Err {}
enum Default {}
enum Tracked {}
enum LazySession {}
struct str;

#[derive(::http_session::SessionAttributes)]
struct String<from: 'static> {
    // Names that generated code might use for itself.
    session: ::core::option::Option<::core::primitive::u8>,
    #[attribute(default)]
    from: ::std::vec::Vec<from>,
    #[attribute(skip)]
    guard: ::core::primitive::u8,
}

fn main() {
    ::std::assert_eq!(
        <String<::core::primitive::u8> as ::http_session::SessionAttributes>::NAMES,
        ["string.session", "string.from"]
    );
}
