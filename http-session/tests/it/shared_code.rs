//! A proc macro and the crate that re-exports it cannot share a module, and must not read a text differently: what
//! the compiler accepted would be refused at start.

macro_rules! shared {
    ($($name:literal),*) => {
        [$((
            $name,
            include_str!(concat!("../../../session-macros/src/", $name)),
            include_str!(concat!("../../src/", $name)),
        )),*]
    };
}

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
