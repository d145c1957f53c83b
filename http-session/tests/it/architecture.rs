//! Who may depend on whom: the invariants that are absences. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const FACADE: &[&str] = &["http-session"];

/// The crates of this workspace, and which of each other they may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("session-core", &[]),
    ("session-macros", &[]),
    ("session-memory", &["session-core"]),
    ("session-redis", &["session-core"]),
    ("session-sql", &["session-core"]),
    ("session-tower", &["session-core"]),
    ("session-axum", &["session-core", "session-tower"]),
    ("session-testkit", &["session-core"]),
    (
        "http-session",
        &[
            "session-axum",
            "session-core",
            "session-macros",
            "session-memory",
            "session-redis",
            "session-sql",
            "session-tower",
        ],
    ),
    ("cluster", FACADE),
    ("environments", FACADE),
    ("hello", FACADE),
    // A million sessions are measured at the store, by its contract.
    ("session-bench", &["http-session", "session-core", "session-sql"]),
    ("xtask", &[]),
];

/// What core knows nothing of. (`tokio` is allowed for its locks, which need no runtime: see below.)
const NOT_IN_CORE: &[&str] = &[
    "actix-rt",
    "actix-web",
    "async-io",
    "async-std",
    "axum",
    "axum-core",
    "cookie",
    "http",
    "http-body",
    "hyper",
    "mio",
    "redis",
    "smol",
    "sqlx",
    "sqlx-core",
    "tower",
    "tower-layer",
    "tower-service",
];

/// How many crates of others a first program has beside those of axum, tokio and serde.
const BUDGET: usize = 22;

/// Each feature of the facade, and the crates that are not there without it. `axum` stands on `tower`.
const FEATURES: &[(&str, &[&str])] = &[
    ("axum", &["axum-core", "session-axum"]),
    ("macros", &["session-macros"]),
    ("memory", &["moka", "session-memory"]),
    ("redis", &["redis", "session-redis"]),
    ("postgres", &["sqlx-postgres"]),
    ("mysql", &["sqlx-mysql"]),
    ("sqlite", &["libsqlite3-sys", "sqlx-sqlite"]),
    // For the stores that are on: by itself it encrypts nothing.
    ("tls", &[]),
    // Its crate is one of sqlx', too.
    ("sha2", &[]),
    ("tracing", &["tracing"]),
];

#[test]
fn no_crate_depends_on_one_that_it_must_not_know() {
    let allowed: BTreeMap<_, _> = MAY_DEPEND_ON.iter().copied().collect();
    for (name, dependencies) in workspace(|kind| kind != "dev") {
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("{name} is new: say in MAY_DEPEND_ON what it may depend on");
        };
        for dependency in &dependencies {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn no_store_or_adapter_knows_the_facade_even_in_its_tests() {
    for (name, dependencies) in workspace(|_| true) {
        // The macros' cases are compiled as an application's code is, which knows the facade alone.
        let is_inner = name.starts_with("session-") && !["session-bench", "session-macros"].contains(&&*name);
        assert!(!is_inner || !dependencies.contains("http-session"), "{name} must not depend on the facade");
    }
}

#[test]
fn core_knows_no_web_framework_no_store_and_no_runtime() {
    let crates = tree(&["-p", "session-core"]);
    for name in NOT_IN_CORE {
        assert!(!crates.contains_key(*name), "session-core depends on {name}: see `cargo tree -i {name}`");
    }
    assert_eq!(
        crates.get("tokio").map(String::as_str),
        Some("sync"),
        "the features of tokio in session-core"
    );
}

#[test]
fn the_macro_crate_needs_nothing_but_what_macros_are_written_with() {
    let crates: BTreeSet<_> = tree(&["-p", "session-macros"]).into_keys().collect();
    let expected = ["proc-macro2", "quote", "session-macros", "syn", "unicode-ident"].map(str::to_owned);
    assert_eq!(crates, BTreeSet::from(expected));
}

#[test]
fn sessions_add_few_crates_to_a_first_program() {
    let text = cargo(&["tree", "-p", "hello", "--edges", "normal,build", "--prefix", "depth", "--no-dedupe"]);
    let (mut theirs, mut ours, mut is_ours) = (BTreeSet::new(), BTreeSet::new(), false);
    for line in text.lines() {
        let name = line.trim_start_matches(|char: char| char.is_ascii_digit());
        let depth: usize = line[..line.len() - name.len()].parse().unwrap();
        let name = name.split(' ').next().unwrap();
        if depth == 1 {
            is_ours = name == "http-session";
        }
        if depth > 0 {
            if is_ours { &mut ours } else { &mut theirs }.insert(name);
        }
    }
    assert!(theirs.contains("hyper") && ours.contains("moka"), "the tree is read wrongly: {text}");
    let is_third = |name: &&&str| !name.starts_with("session-") && **name != "http-session";
    let added: Vec<_> = ours.difference(&theirs).filter(is_third).collect();
    assert!(added.len() <= BUDGET, "{} crates, the budget is {BUDGET}: {added:?}", added.len());
}

#[test]
fn a_feature_that_is_off_brings_no_dependency() {
    for (feature, own) in FEATURES {
        let others: Vec<_> = FEATURES.iter().map(|(name, _)| *name).filter(|name| name != feature).collect();
        let crates = tree(&["-p", "http-session", "--no-default-features", "--features", &others.join(",")]);
        for name in *own {
            let is_there = crates.contains_key(*name) && !comes_along(name, &crates);
            assert!(!is_there, "{name} is there without the feature {feature}");
        }
    }
}

#[test]
fn a_feature_that_is_on_brings_its_dependency_and_those_of_no_other_feature() {
    for (feature, own) in FEATURES {
        let crates = tree(&["-p", "http-session", "--no-default-features", "--features", feature]);
        for (other, names) in FEATURES {
            for name in *names {
                let is_there =
                    crates.contains_key(*name) && !(other != feature && comes_along(name, &crates));
                let belongs = own.contains(name);
                assert_eq!(is_there, belongs, "{name} (of {other}) with the feature {feature} alone");
            }
        }
    }
}

/// sqlx brings `tracing` whatever it is asked for.
fn comes_along(name: &str, crates: &BTreeMap<String, String>) -> bool {
    name == "tracing" && crates.contains_key("sqlx-core")
}

#[test]
fn tls_comes_with_a_store_that_is_reached_over_a_network() {
    for (features, expected) in [("redis", false), ("tls,memory", false), ("redis,tls", true)] {
        let crates = tree(&["-p", "http-session", "--no-default-features", "--features", features]);
        assert_eq!(crates.contains_key("rustls"), expected, "{features}");
    }
}

#[test]
fn what_brings_sqlx_asks_for_the_rust_that_sqlx_needs() {
    let manifests = manifests();
    let rust = |name: &str| {
        let manifest = manifests.iter().find(|manifest| manifest["name"] == name);
        manifest.unwrap()["rust_version"].as_str().unwrap()
    };
    for (name, _) in MAY_DEPEND_ON {
        let expected =
            if tree(&["-p", name]).contains_key("sqlx-core") { "session-sql" } else { "session-core" };
        assert_eq!(rust(name), rust(expected), "rust-version of {name}");
    }
    assert_ne!(rust("session-sql"), rust("session-core"));
}

/// The manifests of this workspace's crates, as cargo reads them.
fn manifests() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Each crate of the workspace with those of the others that it depends on in one of these kinds of ways.
fn workspace(is_meant: impl Fn(&str) -> bool) -> Vec<(String, BTreeSet<String>)> {
    let packages = manifests();
    let name = |package: &Value| package["name"].as_str().unwrap().to_owned();
    let ours: BTreeSet<_> = packages.iter().map(name).collect();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let meant = all.filter(|dependency| is_meant(dependency["kind"].as_str().unwrap_or("normal")));
        meant.map(name).filter(|name| ours.contains(name)).collect()
    };
    packages.iter().map(|package| (name(package), dependencies(package))).collect()
}

/// The crates that are compiled for what was asked for, with their features.
fn tree(what: &[&str]) -> BTreeMap<String, String> {
    let format =
        ["tree", "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}\t{f}"];
    let text = cargo(&[&format[..], what].concat());
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines
        .map(|(package, features)| (package.split(' ').next().unwrap().to_owned(), features.to_owned()))
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .args(["--offline", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
