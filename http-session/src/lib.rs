//! Server-side HTTP sessions for Rust services that run as more than one process.
