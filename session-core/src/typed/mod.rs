//! Attributes with types: a struct whose fields are attributes, and keys.

mod attributes;
mod key;
mod probe;
mod tracked;

pub use attributes::{AttributeReader, SessionAttributes, TypedAttributes};
pub use key::Key;
pub use tracked::Tracked;
