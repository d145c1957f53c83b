use std::fs;
use std::path::Path;

/// A case that is written and not listed would never run.
#[test]
fn every_case_is_in_the_list() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let list = fs::read_to_string(cases.join("conformance.rs")).unwrap();
    let mut found = 0;
    for file in fs::read_dir(cases).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for rest in text.split("\npub async fn ").skip(1) {
            let name = rest.split('(').next().unwrap();
            assert!(list.contains(&format!(" {name},\n")), "{name} is not in store_conformance!");
            found += 1;
        }
    }
    assert!(found > 150, "only {found} cases were found: has their form changed?");
}
