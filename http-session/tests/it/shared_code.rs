//! What stands in several places because it must, and says the same in all of them.

macro_rules! shared {
    ($($name:literal),*) => {
        [$((
            $name,
            include_str!(concat!("../../../session-macros/src/", $name)),
            include_str!(concat!("../../src/", $name)),
        )),*]
    };
}

/// A proc macro and the crate that re-exports it cannot share a module, and must not read a text differently: what the
/// compiler accepted would be refused at start.
#[test]
fn the_macro_and_the_facade_read_settings_with_the_same_code() {
    for (name, macros, facade) in shared!["duration.rs", "keys.rs", "suggest.rs", "template.rs", "values.rs"]
    {
        assert!(
            macros == facade,
            "{name} differs between session-macros and http-session: copy one over the other"
        );
    }
}

/// It is compiled in each place, and read by different people.
#[test]
fn the_first_program_is_the_same_in_the_readme_the_documentation_and_the_example() {
    let example = include_str!("../../../examples/hello/src/main.rs");
    let readme = include_str!("../../../README.md");
    let documentation: String = include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    let (_, readme) = readme.split_once("```rust,no_run\n").unwrap();
    let first = |text: &str| {
        squeezed(&text[text.find("use axum::").unwrap()..text.find("```").unwrap_or(text.len())])
    };
    assert_eq!(first(example), first(readme), "README.md");
    assert_eq!(first(example), first(&documentation), "http-session/src/lib.rs");
}

/// The program however it is broken into lines.
fn squeezed(program: &str) -> String {
    program.split_whitespace().collect::<String>().replace(",}", "}")
}
