use std::fmt;

use crate::{Error, ErrorKind, Result};

/// Where the bytes of ids come from.
///
/// A generator that cannot deliver returns an error, and the operation that needed an id fails with it: there
/// is no fallback (CVE-2025-66630 is what a fallback leads to).
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills all of `bytes` with unpredictable bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`] when it cannot; `bytes` are then not used.
    fn fill(&self, bytes: &mut [u8]) -> Result<()>;
}

/// The operating system's random number generator (ASVS 5.0, 7.2.3 and 11.5.1).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes).map_err(|source| {
            Error::new(ErrorKind::Random, "the operating system gave no random bytes for a session id")
                .with_source(source)
        })
    }
}
