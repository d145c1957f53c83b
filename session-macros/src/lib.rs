//! The `#[session_config]` attribute and the derive `SessionAttributes` of `http-session`, where they are documented:
//! applications use them from there.
//!
//! Tokens become options (`attr`), options a checked model (`model`), the model code (`expand`). Each stage
//! collects its mistakes, and the user's own item is emitted beside them, so that one compile shows all. The derive
//! (`attributes`) is cut the same way.

mod attr;
mod attributes;
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

#[expect(missing_docs, reason = "documented where the facade re-exports it, with examples that compile")]
#[proc_macro_derive(SessionAttributes, attributes(attribute, attributes))]
pub fn session_attributes(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let model = attributes::check(item.into(), &mut mistakes);
    attributes::expand(model, mistakes).into()
}
