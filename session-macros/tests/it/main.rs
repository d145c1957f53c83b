//! What the macros take, and what they say to what they do not: compiled as an application would.

/// One file a rule. After a change of a message: `TRYBUILD=overwrite`, and read what it has become.
#[test]
fn the_attribute_takes_what_is_right_and_says_what_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
