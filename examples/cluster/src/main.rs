//! Two servers and a front that share one session.
fn main() {}
