use std::fs;
use std::path::Path;

/// A case that is written and not listed would never run.
fn listed(cases: &str, list: &str) -> usize {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = fs::read_to_string(source.join(list)).unwrap();
    let mut found = 0;
    for file in fs::read_dir(source.join(cases)).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in text.split("\npub async fn ").skip(1) {
            let name = rest.split('(').next().unwrap();
            assert!(list.contains(&format!(" {name},\n")), "{name} is not in the list");
            found += 1;
        }
    }
    found
}

#[test]
fn every_store_case_is_listed() {
    let found = listed("store", "store/conformance.rs");
    assert!(found > 150, "only {found} cases were found: has their form changed?");
}

#[test]
fn every_adapter_case_is_listed() {
    let found = listed("adapter/cases", "adapter/conformance.rs");
    assert!(found > 70, "only {found} cases were found: has their form changed?");
}
