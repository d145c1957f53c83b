//! The `#[session_config]` attribute of `http-session`, where it is documented: applications use it from there.
//!
//! Tokens become options (`attr`), options a checked model (`model`), the model code (`expand`). Each stage
//! collects its mistakes, and the user's own item is emitted beside them, so that one compile shows all.

mod attr;
mod duration;
mod expand;
mod keys;
mod mistakes;
mod model;
mod rules;
mod suggest;
mod template;
mod values;

use proc_macro::TokenStream;

use crate::mistakes::Mistakes;

#[expect(missing_docs, reason = "documented where the facade re-exports it, with examples that compile")]
#[proc_macro_attribute]
pub fn session_config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = attr::parse(arguments.into(), &mut mistakes);
    let checked = model::check(options, item.into(), &mut mistakes);
    expand::expand(checked, mistakes).into()
}
