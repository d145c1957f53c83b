//! axum extractors for sessions, and their rejections.
