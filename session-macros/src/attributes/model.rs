//! From the item to what can be expanded, with every message.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Expr, Fields, GenericParam, Generics, Ident, LitStr, Path, Token, Type,
    Visibility, parse_quote,
};

use crate::mistakes::Mistakes;
use crate::suggest::did_you_mean;

/// The struct. Complete only if no mistake was found.
pub(crate) struct Model {
    pub(super) name: Ident,
    pub(super) vis: Visibility,
    pub(super) generics: Generics,
    pub(super) facade: Path,
    pub(super) fields: Vec<Field>,
}

pub(super) struct Field {
    pub(super) name: Ident,
    pub(super) vis: Visibility,
    pub(super) ty: Type,
    /// Its `#[cfg(…)]`: where the field is not, its code must not be.
    pub(super) cfgs: Vec<Attribute>,
    pub(super) default: Option<Missing>,
    /// `None`: it is no attribute.
    pub(super) stored: Option<Stored>,
}

/// What a field is where nothing is stored.
pub(super) enum Missing {
    Default(Span),
    Expr(Box<Expr>),
}

pub(super) struct Stored {
    /// With the prefix.
    pub(super) name: String,
    pub(super) is_one_time: bool,
}

pub(crate) fn check(item: TokenStream, mistakes: &mut Mistakes) -> Option<Model> {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(mistake) => {
            mistakes.push(mistake);
            return None;
        }
    };
    let (prefix, facade) = container(&input, mistakes);
    for param in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            mistakes.add(lifetime.span(), "attributes are owned: a struct of them has no lifetimes");
        }
    }
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => &named.named,
            Fields::Unnamed(_) | Fields::Unit => {
                mistakes
                    .add(input.ident.span(), "SessionAttributes needs named fields: each names an attribute");
                return None;
            }
        },
        Data::Enum(data) => {
            mistakes
                .add(data.enum_token.span(), "SessionAttributes is for structs: each field is an attribute");
            return None;
        }
        Data::Union(data) => {
            mistakes
                .add(data.union_token.span(), "SessionAttributes is for structs: each field is an attribute");
            return None;
        }
    };
    let fields: Vec<_> =
        fields.iter().filter_map(|it| field(it, prefix.as_deref(), &input.ident, mistakes)).collect();
    twice(&fields, mistakes);
    if fields.iter().all(|field| field.stored.is_none()) {
        mistakes.add(input.ident.span(), "none of the fields is an attribute");
    }
    Some(Model { name: input.ident, vis: input.vis, generics: input.generics, facade, fields })
}

/// `#[attributes(prefix = "…", crate = "…")]`.
fn container(input: &DeriveInput, mistakes: &mut Mistakes) -> (Option<String>, Path) {
    let (mut prefix, mut facade) = (None, None);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("attributes")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("prefix") {
                let text: LitStr = meta.value()?.parse()?;
                return once(&meta, &mut prefix, text.value());
            }
            if meta.path.is_ident("crate") {
                let text: LitStr = meta.value()?.parse()?;
                return once(&meta, &mut facade, text.parse_with(Path::parse_mod_style)?);
            }
            Err(unknown(&meta, &["prefix", "crate"]))
        });
        if let Err(mistake) = parsed {
            mistakes.push(mistake);
        }
    }
    (prefix, facade.unwrap_or_else(|| parse_quote!(::http_session)))
}

fn field(field: &syn::Field, prefix: Option<&str>, of: &Ident, mistakes: &mut Mistakes) -> Option<Field> {
    let ident = field.ident.clone()?;
    let (mut name, mut default, mut skip, mut one_time) = (None, None, None, None);
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("attribute")) {
        let parsed = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                let text: LitStr = meta.value()?.parse()?;
                if text.value().is_empty() {
                    return Err(syn::Error::new(text.span(), "an attribute has a name"));
                }
                return once(&meta, &mut name, text.value());
            }
            if meta.path.is_ident("default") {
                let missing = if meta.input.peek(Token![=]) {
                    Missing::Expr(Box::new(meta.value()?.parse()?))
                } else {
                    Missing::Default(meta.path.span())
                };
                return once(&meta, &mut default, missing);
            }
            if meta.path.is_ident("skip") {
                return once(&meta, &mut skip, meta.path.span());
            }
            if meta.path.is_ident("one_time") {
                return once(&meta, &mut one_time, meta.path.span());
            }
            Err(unknown(&meta, &["name", "default", "skip", "one_time"]))
        });
        if let Err(mistake) = parsed {
            mistakes.push(mistake);
        }
    }
    if let Some(at) = skip
        && (name.is_some() || one_time.is_some())
    {
        mistakes.add(at, format!("the field `{ident}` is not stored: `skip` goes with `default` alone"));
    }
    let own = name.unwrap_or_else(|| ident.unraw().to_string());
    let prefix = prefix.map_or_else(|| snake(&of.unraw().to_string()), str::to_owned);
    let full = if prefix.is_empty() { own } else { format!("{prefix}.{own}") };
    Some(Field {
        name: ident,
        vis: field.vis.clone(),
        ty: field.ty.clone(),
        cfgs: field.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect(),
        default,
        stored: skip.is_none().then_some(Stored { name: full, is_one_time: one_time.is_some() }),
    })
}

fn once<T>(meta: &ParseNestedMeta<'_>, place: &mut Option<T>, value: T) -> syn::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error(format!("`{}` is given twice", meta.path.to_token_stream()))),
    }
}

fn unknown(meta: &ParseNestedMeta<'_>, names: &[&str]) -> syn::Error {
    let name = meta.path.to_token_stream().to_string();
    let hint = did_you_mean(&name, names.iter().copied());
    let hint = if hint.is_empty() {
        format!("; there are {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
    } else {
        hint
    };
    meta.error(format!("unknown option `{name}`{hint}"))
}

/// Two fields of one name would undo each other.
fn twice(fields: &[Field], mistakes: &mut Mistakes) {
    let mut seen: Vec<(&str, &Field)> = Vec::new();
    for field in fields.iter().filter(|field| field.cfgs.is_empty()) {
        let Some(stored) = &field.stored else { continue };
        if let Some((_, first)) = seen.iter().find(|(name, _)| *name == stored.name) {
            let message =
                format!("`{}` and `{}` are both stored under {:?}", first.name, field.name, stored.name);
            mistakes.add(field.name.span(), message);
        }
        seen.push((&stored.name, field));
    }
}

/// `ShoppingCart` is `shopping_cart`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for (at, char) in name.char_indices() {
        if char.is_uppercase() && at > 0 {
            text.push('_');
        }
        text.extend(char.to_lowercase());
    }
    text
}
