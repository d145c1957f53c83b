//! `#[derive(SessionAttributes)]`: a checked model of the struct (`model`), and code (`expand`).

mod expand;
mod model;

pub(crate) use expand::expand;
pub(crate) use model::check;
