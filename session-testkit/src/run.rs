use std::future::Future;

/// Runs one case on a runtime of its own, with threads enough for its races.
pub fn run(case: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build().expect("a runtime for the case");
    runtime.block_on(case);
}
