//! The session as a request sees it. `state.rs` is what a request knows, `operations.rs` and
//! `sign_in.rs` every step from one state to the next, `commit.rs` the last of them; the rest is the public face.

mod commit;
mod detached;
mod lazy;
mod loaded;
mod operations;
mod partial;
mod pending;
mod shared;
mod sign_in;
mod state;

pub use detached::DetachedSession;
pub use lazy::LazySession;
pub use loaded::Session;
pub use partial::PartialSession;
pub(crate) use shared::Shared;
pub(crate) use state::Presented;
