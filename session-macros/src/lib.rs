//! The #[session_config] attribute.
