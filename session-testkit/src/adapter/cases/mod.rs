//! The cases, by what they are about. Their list is in [`adapter_conformance!`](crate::adapter_conformance).

pub mod attributes;
pub mod beginning;
pub mod commit;
pub mod ending;
pub mod expiry;
pub mod failing;
pub mod gone;
pub mod identity;
pub mod partial;
pub mod policy;
pub mod presented;
pub mod principals;
pub mod races;
