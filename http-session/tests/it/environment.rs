use std::process::Command;

use http_session::{Builder, Env, Source as _};

/// Set for the process that has the environment to be tested.
const CHILD: &str = "HTTP_SESSION_TEST_CHILD";

/// The environment of this process is everybody's, so the test runs itself once more in one of its own.
#[test]
fn the_environment_is_a_source_by_relaxed_names() {
    if std::env::var_os(CHILD).is_some() {
        return in_the_environment();
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "environment::the_environment_is_a_source_by_relaxed_names"])
        .env(CHILD, "1")
        .env("SESSION_MAX_INACTIVE", "soon")
        .env("SESSION_COOKIE_SAME_SITE", "sometimes")
        .env("REDIS_HOSTNAME", "cache.internal")
        .env("REDIS_PORT", "")
        .status()
        .unwrap();
    assert!(status.success());
}

fn in_the_environment() {
    assert_eq!(Env.get("redis.hostname").as_deref(), Some("cache.internal"));
    assert_eq!(Env.get("redis.port"), None, "an empty variable counts as not set");
    assert_eq!(Env.get("redis.none"), None);

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(Builder::new().build()).unwrap_err().to_string();
    assert!(error.contains("environment variable SESSION_MAX_INACTIVE: \"soon\""), "{error}");
    assert!(error.contains("environment variable SESSION_COOKIE_SAME_SITE: \"sometimes\""), "{error}");
}
