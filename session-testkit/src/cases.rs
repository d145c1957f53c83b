/// One test a case, in a module a group: what both lists of cases expand to.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    ($kind:ident, $name:ident, $harness:expr, $($group:ident { $($case:ident,)* })*) => {
        mod $name {
            $(
                mod $group {
                    #[allow(unused_imports, reason = "the expression may name anything of the caller's")]
                    use super::super::*;

                    $(
                        #[test]
                        fn $case() {
                            $crate::run(async {
                                let harness = $harness;
                                $crate::$kind::$group::$case(&harness).await;
                            });
                        }
                    )*
                }
            )*
        }
    };
}
