//! A SQLite file for one run.

use std::path::PathBuf;
use std::{env, fs, process};

use crate::Result;

/// A folder that is removed with what is in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let folder = env::temp_dir().join(format!("http-session-cluster-{}", process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// The store URL of a file in it.
    pub(crate) fn store(&self) -> String {
        format!("sqlite://{}", self.0.join("sessions.db").display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
