//! From tokens to options: what was written, each with its place. Only syntax is judged here.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{BinOp, Expr, ExprBinary, ExprLit, Ident, Lit, LitStr, Path, Token, parenthesized};

use crate::keys::{KEYS, Key, Kind, STORE};
use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;

/// The annotation's arguments.
#[derive(Default)]
pub(crate) struct Options {
    /// The keys that hold a value, in the order in which they stand.
    pub(crate) given: Vec<Given>,
    /// Where `cookie(…)` stands.
    pub(crate) cookie: Option<Span>,
    /// `store = path`: a function that opens a store of the application's own.
    pub(crate) store: Option<Path>,
    /// `resolver = …`.
    pub(crate) resolver: Option<Expr>,
    /// `codec = …`.
    pub(crate) codec: Option<Expr>,
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

/// The keys that have no text.
const SPECIAL: [&str; 4] = ["cookie", "resolver", "codec", "crate"];

fn entry(input: ParseStream<'_>, options: &mut Options, mistakes: &mut Mistakes) -> syn::Result<()> {
    let name = key_name(input)?;
    match name.to_string().as_str() {
        "crate" => facade(&name, input, options),
        "cookie" => cookie(&name, input, options, mistakes),
        "resolver" => own(&name, "CookieResolver::default()", input, &mut options.resolver),
        "codec" => own(&name, "JsonCodec::default()", input, &mut options.codec),
        "store" if is_path(input) => store(&name, input, options),
        _ => value_of(&name, false, input, options),
    }
}

fn key_name(input: ParseStream<'_>) -> syn::Result<Ident> {
    input
        .call(Ident::parse_any)
        .map_err(|mistake| syn::Error::new(mistake.span(), "expected a key, as in `store = \"…\"`"))
}

/// Whether a path stands behind the `=`, and not a text.
fn is_path(input: ParseStream<'_>) -> bool {
    input.peek(Token![=]) && (input.peek2(Ident::peek_any) || input.peek2(Token![::]))
}

/// `store = path`.
fn store(name: &Ident, input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    input.parse::<Token![=]>()?;
    let path = input.call(Path::parse_mod_style)?;
    if options.get(STORE).is_some() || options.store.replace(path).is_some() {
        return Err(syn::Error::new(name.span(), "`store` is given twice"));
    }
    Ok(())
}

/// `resolver = …` and `codec = …`: a value.
fn own(name: &Ident, example: &str, input: ParseStream<'_>, place: &mut Option<Expr>) -> syn::Result<()> {
    let wrong = |at| {
        syn::Error::new(
            at,
            format!("`{name}` is a value, made by a function for instance: {name} = {example}"),
        )
    };
    if !input.peek(Token![=]) {
        return Err(wrong(name.span()));
    }
    input.parse::<Token![=]>()?;
    let value: Expr = input.parse()?;
    if matches!(value, Expr::Lit(_)) {
        return Err(wrong(value.span()));
    }
    if place.replace(value).is_some() {
        return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
    }
    Ok(())
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
        value_of(&name, true, input, options)
    });
    Ok(())
}

fn value_of(name: &Ident, of_cookie: bool, input: ParseStream<'_>, options: &mut Options) -> syn::Result<()> {
    let text_name = name.to_string();
    let keys = || KEYS.iter().filter(|key| key.is_of_cookie() == of_cookie);
    let Some(key) = keys().find(|key| key.short_name() == text_name) else {
        return Err(syn::Error::new(name.span(), unknown(&text_name, of_cookie)));
    };
    let (text, at) = value(name, key.kind, input)?;
    if options.get(key.property).is_some() || (key.property == STORE && options.store.is_some()) {
        return Err(syn::Error::new(name.span(), format!("`{name}` is given twice")));
    }
    options.given.push(Given { key, text, at });
    Ok(())
}

/// What is wrong with a key that there is not. One that stands in the wrong place is told where it belongs.
fn unknown(name: &str, of_cookie: bool) -> String {
    let elsewhere = KEYS.iter().find(|key| key.is_of_cookie() != of_cookie && key.short_name() == name);
    match elsewhere {
        Some(_) if of_cookie => return format!("`{name}` does not belong in `cookie(…)`: put it beside it"),
        Some(_) => return format!("`{name}` is a setting of the cookie: cookie({name} = …)"),
        None => {}
    }
    let special: &[&str] = if of_cookie { &[] } else { &SPECIAL };
    let names = KEYS.iter().filter(|key| key.is_of_cookie() == of_cookie).map(|key| key.short_name());
    let names: Vec<_> = names.chain(special.iter().copied()).collect();
    let scope = if of_cookie { " of `cookie`" } else { "" };
    let elsewhere = SAID_ELSEWHERE.iter().find(|(other, _)| *other == name && !of_cookie);
    let hint = match elsewhere {
        Some((_, ours)) => format!(" (did you mean `{ours}`?)"),
        None => did_you_mean(name, names.iter().copied()),
    };
    let hint = if hint.is_empty() { format!("; there are {}", list(&names)) } else { hint };
    format!("unknown key `{name}`{scope}{hint}")
}

/// What others call our keys: Spring, above all.
const SAID_ELSEWHERE: [(&str, &str); 8] = [
    ("timeout", "max_inactive"),
    ("maxInactiveIntervalInSeconds", "max_inactive"),
    ("redisNamespace", "namespace"),
    ("flushMode", "flush"),
    ("flush_mode", "flush"),
    ("saveMode", "save"),
    ("save_mode", "save"),
    ("url", "store"),
];

fn value(name: &Ident, kind: Kind, input: ParseStream<'_>) -> syn::Result<(String, Span)> {
    if !input.peek(Token![=]) {
        return match kind {
            Kind::Flag => Ok(("true".to_owned(), name.span())),
            _ => Err(wrong(name.span(), name, kind)),
        };
    }
    input.parse::<Token![=]>()?;
    let value: Expr = input.parse()?;
    let at = value.span();
    let is_number = is_number(kind);
    if let Some(number) = product(&value).filter(|_| is_number) {
        return Ok((number?, at));
    }
    match (kind, value) {
        (Kind::Flag, Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. })) => Ok((flag.value.to_string(), at)),
        // A flag is a text only if it is made of placeholders.
        (Kind::Flag, Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if !text.value().contains('{') => {
            Err(wrong(at, name, kind))
        }
        (_, Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok((text.value(), at)),
        (Kind::Word(_), Expr::Path(path)) if path.path.get_ident().is_some() => {
            Ok((path.path.to_token_stream().to_string(), at))
        }
        (Kind::Timeout, Expr::Unary(_)) => {
            Err(syn::Error::new(at, format!("`{name}` is not negative: for no end at all say \"never\"")))
        }
        (_, Expr::Unary(_)) if is_number => Err(syn::Error::new(at, format!("`{name}` is not negative"))),
        (kind, _) => Err(wrong(at, name, kind)),
    }
}

/// A number, or several that are multiplied: `86400 * 30` says thirty days as many write it.
fn product(value: &Expr) -> Option<syn::Result<String>> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
            Some(Ok(number.base10_digits().to_owned()))
        }
        Expr::Paren(inner) => product(&inner.expr),
        Expr::Binary(ExprBinary { left, op: BinOp::Mul(_), right, .. }) => {
            let (left, right) = (product(left)?, product(right)?);
            Some(left.and_then(|left| {
                let (left, right) = (left.parse::<u64>(), right?.parse::<u64>());
                let product = left.ok().zip(right.ok()).and_then(|(left, right)| left.checked_mul(right));
                let too_large =
                    || syn::Error::new(value.span(), "this product is larger than can be counted");
                product.map(|product| product.to_string()).ok_or_else(too_large)
            }))
        }
        _ => None,
    }
}

fn is_number(kind: Kind) -> bool {
    match kind {
        Kind::Timeout | Kind::Duration | Kind::Interval | Kind::Size | Kind::Count => true,
        Kind::Flag
        | Kind::Word(_)
        | Kind::Store
        | Kind::Namespace
        | Kind::Token
        | Kind::Path
        | Kind::Route
        | Kind::Text => false,
    }
}

fn wrong(at: Span, name: &Ident, kind: Kind) -> syn::Error {
    let message = match kind {
        Kind::Timeout => format!(
            "`{name}` is a whole number of seconds or a text like \"30m\" or \"never\": {name} = 1800"
        ),
        Kind::Duration | Kind::Interval => {
            format!("`{name}` is a whole number of seconds or a text like \"30m\": {name} = 1800")
        }
        Kind::Size => {
            format!("`{name}` is a whole number of bytes or a text like \"64KiB\": {name} = 65536")
        }
        Kind::Count => format!("`{name}` is a whole number: {name} = 100"),
        Kind::Flag => format!("`{name}` is true or false: {name} = true"),
        Kind::Word(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
            format!("`{name}` is one of {}: {name} = {}", words.join(", "), words[0])
        }
        Kind::Store => {
            "`store` is a URL, or the path of an async function that opens one: store = \"redis://…\""
                .to_owned()
        }
        Kind::Namespace | Kind::Token | Kind::Path | Kind::Route | Kind::Text => {
            format!("`{name}` is a text: {name} = \"…\"")
        }
    };
    syn::Error::new(at, message)
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
