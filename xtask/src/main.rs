//! Tests, servers, benches and the demonstration of this workspace.
fn main() {}
