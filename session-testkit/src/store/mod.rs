//! The cases of the store contract, by operation. [`store_conformance!`](crate::store_conformance) runs them all,
//! and is the only list of them.

#![allow(missing_docs, reason = "a case's name is the sentence that it proves")]

mod conformance;
mod fixture;

pub mod atomic;
pub mod create;
pub mod delete;
pub mod end;
pub mod events_if_offered;
pub mod expiry;
pub mod identity;
pub mod load;
pub mod long_waits;
pub mod principal_races_if_offered;
pub mod principals_if_offered;
pub mod races;
pub mod renew_if_offered;
pub mod replace;
pub mod rotate;
pub mod save;
pub mod sign_in_if_offered;
pub mod sweep;
pub mod take;
mod together;
pub mod touch;
pub mod values;
