//! Bench servers and the floor they are measured against.
