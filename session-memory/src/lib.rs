//! An in-memory session store, bounded and on one clock.
//!
//! [`MemoryStore`] keeps sessions in the process: for one node, for development, and for tests. What several
//! nodes share belongs into Redis or a SQL database.

mod config;
mod events;
mod lease;
mod principals;
mod slot;
mod store;

pub use config::{Builder, DEFAULT_MAX_SESSIONS};
pub use store::MemoryStore;
