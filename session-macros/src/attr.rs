//! From tokens to options: what was written, each with its place. Only syntax is judged here.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Token, parenthesized};

use crate::keys::{COOKIE_KEYS, KEYS, Key, Kind};
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;

/// The annotation's arguments.
#[derive(Default)]
pub(crate) struct Options {
    /// The keys that hold a value, in the order in which they stand.
    pub(crate) given: Vec<Given>,
    /// Where `cookie(…)` stands.
    pub(crate) cookie: Option<Span>,
    /// `crate = "…"`.
    pub(crate) facade: Option<Path>,
}

/// A key with its value.
pub(crate) struct Given {
    pub(crate) key: &'static Key,
    pub(crate) text: String,
    /// Where the value stands.
    pub(crate) at: Span,
}

impl Options {
    pub(crate) fn get(&self, property: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.key.property == property)
    }
}

/// Reads the arguments. After a mistake it goes on behind the next comma.
pub(crate) fn parse(arguments: TokenStream, mistakes: &mut Mistakes) -> Options {
    let mut options = Options::default();
    let parsed = (|input: ParseStream<'_>| {
        entries(input, mistakes, |input, mistakes| entry(input, &mut options, mistakes));
        Ok(())
    })
    .parse2(arguments);
    if let Err(mistake) = parsed {
        mistakes.push(mistake);
    }
    options
}

fn entries(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut entry: impl FnMut(ParseStream<'_>, &mut Mistakes) -> syn::Result<()>,
) {
    while !input.is_empty() {
        if let Err(mistake) = entry(input, mistakes) {
            mistakes.push(mistake);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            mistakes.push(input.error("expected a comma"));
        }
        while !input.is_empty() && input.parse::<Option<Token![,]>>().is_ok_and(|comma| comma.is_none()) {
            // A token of what could not be read: always there, since the input is not empty.
            let _ = input.parse::<TokenTree>();
        }
    }
}

fn entry(input: ParseStream<'_>, options: &mut Options, mistakes: &mut Mistakes) -> syn::Result<()> {
    let name = key_name(input)?;
    if name == "crate" {
        return facade(&name, input, options);
    }
    if name == "cookie" {
        return cookie(&name, input, options, mistakes);
    }
    value_of(&name, KEYS, ["cookie", "crate"], "", input, options)
}

fn key_name(input: ParseStream<'_>) -> syn::Result<Ident> {
    input
        .call(Ident::parse_any)
        .map_err(|mistake| syn::Error::new(mistake.span(), "expected a key, as in `store = \"…\"`"))
}

fn facade(name: &Ident, input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    input.parse::<Token![=]>()?;
    let text: LitStr = input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), "`crate` is the path of the facade: crate = \"…\""))?;
    let path = text.parse_with(Path::parse_mod_style).map_err(|_| {
        syn::Error::new(text.span(), "not a path, such as \"my_http_session\" or \"web::sessions\"")
    })?;
    if options.facade.replace(path).is_some() {
        return Err(syn::Error::new(name.span(), "`crate` is given twice"));
    }
    Ok(())
}

fn cookie(
    name: &Ident,
    input: ParseStream<'_>,
    options: &mut Options,
    mistakes: &mut Mistakes,
) -> syn::Result<()> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(
            name.span(),
            "`cookie` holds settings: cookie(name = \"…\", same_site = \"Strict\")",
        ));
    }
    let inner;
    parenthesized!(inner in input);
    if options.cookie.replace(name.span()).is_some() {
        return Err(syn::Error::new(name.span(), "`cookie` is given twice"));
    }
    entries(&inner, mistakes, |input, _| {
        let name = key_name(input)?;
        value_of(&name, COOKIE_KEYS, [], " of `cookie`", input, options)
    });
    Ok(())
}

fn value_of<const N: usize>(
    name: &Ident,
    keys: &'static [Key],
    beside: [&'static str; N],
    scope: &str,
    input: ParseStream<'_>,
    options: &mut Options,
) -> syn::Result<()> {
    let Some(key) = keys.iter().find(|key| name == key.name) else {
        let names: Vec<_> = keys.iter().map(|key| key.name).chain(beside).collect();
        let mut message =
            format!("unknown key `{name}`{scope}{}", did_you_mean(&name.to_string(), names.clone()));
        message.push_str(&format!("; there are {}", list(&names)));
        return Err(syn::Error::new(name.span(), message));
    };
    let (text, at) = value(name, key, input)?;
    if options.get(key.property).is_some() {
        return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
    }
    options.given.push(Given { key, text, at });
    Ok(())
}

fn value(name: &Ident, key: &Key, input: ParseStream<'_>) -> syn::Result<(String, Span)> {
    if !input.peek(Token![=]) {
        return match key.kind {
            Kind::Flag => Ok(("true".to_owned(), name.span())),
            Kind::Timeout | Kind::Text => Err(wrong(name.span(), name, key.kind)),
        };
    }
    input.parse::<Token![=]>()?;
    let value: Expr = input.parse()?;
    let at = value.span();
    match (key.kind, value) {
        (Kind::Timeout, Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) if number.suffix().is_empty() => {
            Ok((number.base10_digits().to_owned(), at))
        }
        (Kind::Timeout | Kind::Text, Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            Ok((text.value(), at))
        }
        (Kind::Flag, Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. })) => Ok((flag.value.to_string(), at)),
        (Kind::Timeout, Expr::Unary(_)) => Err(syn::Error::new(
            at,
            format!("`{name}` is not negative: for sessions without end say \"never\""),
        )),
        (kind, _) => Err(wrong(at, name, kind)),
    }
}

fn wrong(at: Span, name: &Ident, kind: Kind) -> syn::Error {
    let message = match kind {
        Kind::Timeout => format!(
            "`{name}` is a whole number of seconds or a text like \"30m\" or \"never\": {name} = 1800"
        ),
        Kind::Text => format!("`{name}` is a text: {name} = \"…\""),
        Kind::Flag => format!("`{name}` is true or false: {name} = true"),
    };
    syn::Error::new(at, message)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
