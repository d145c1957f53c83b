// Names of the standard library and of the facade mean something else here.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

mod http_session {
    pub struct Builder;
    pub struct Error;
}
mod core {}
mod std {}
mod alloc {}

enum Option {}
enum Some {}
enum None {}
enum Result {}
enum Ok {}
enum Err {}
enum Vec {}
enum Box {}
enum ToString {}
enum Annotated {}
enum Builder {}
enum Error {}
enum Source {}
enum Env {}
struct str;
struct u8;

macro_rules! vec {
    () => { compile_error!("the user's vec!") };
}
macro_rules! concat {
    () => { compile_error!("the user's concat!") };
}
macro_rules! file {
    () => { compile_error!("the user's file!") };
}

#[::http_session::session_config(store = "redis://{fields}:{source}/{type}", namespace = "{field_0}")]
pub struct String {
    // Names that generated code might use for itself.
    #[value("${a:x}")]
    fields: ::std::string::String,
    #[value("${b:1}")]
    source: ::core::primitive::u16,
    #[value("${c:2}")]
    r#type: ::core::primitive::u8,
    #[value("${d:y}")]
    field_0: ::std::string::String,
}

fn main() {
    let made = String::from_source(&[("b", "7")]);
    ::std::assert_eq!(made.unwrap().source, 7);
    ::std::mem::drop((String::builder(), String::layer()));
}
