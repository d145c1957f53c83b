//! A proc macro and the crate that re-exports it cannot share a module, and must not read a text differently: what
//! the compiler accepted would be refused at start.

#[test]
fn the_macro_and_the_facade_read_durations_and_placeholders_with_the_same_code() {
    for (name, macros, facade) in [
        (
            "duration.rs",
            include_str!("../../../session-macros/src/duration.rs"),
            include_str!("../../src/duration.rs"),
        ),
        (
            "template.rs",
            include_str!("../../../session-macros/src/template.rs"),
            include_str!("../../src/template.rs"),
        ),
    ] {
        assert!(
            macros == facade,
            "{name} differs between session-macros and http-session: copy one over the other"
        );
    }
}
