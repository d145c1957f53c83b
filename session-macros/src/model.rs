//! From options and item to a checked model: what is left can be expanded. Rules about single values and how
//! they go together are in `rules`.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Expr, Fields, Ident, LitStr, Meta, Path, Type, Visibility, parse_quote,
};

use crate::attr::{Given, Options};
use crate::mistakes::Mistakes;
use crate::rules;
use crate::suggest::did_you_mean;
use crate::template::{self, Braces, Part};

/// The user's item without our helper attributes, and what could be made of it.
pub(crate) struct Checked {
    pub(crate) item: TokenStream,
    pub(crate) facade: Path,
    /// `None` when nothing can be implemented for it.
    pub(crate) config: Option<Config>,
}

/// A type that holds settings. Complete only if no mistake was found.
pub(crate) struct Config {
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    pub(crate) is_unit: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) settings: Vec<Given>,
    /// The function that opens the store.
    pub(crate) store: Option<Path>,
    pub(crate) resolver: Option<Expr>,
    pub(crate) codec: Option<Expr>,
}

/// A field that is filled from outside.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// Its `#[cfg(…)]`: where the field is not, its code must not be.
    pub(crate) cfgs: Vec<Attribute>,
    /// What is between the quotes of `#[value("…")]`.
    pub(crate) template: LitStr,
    /// Whether a setting refers to it as `{field}`.
    pub(crate) used: bool,
}

impl Field {
    pub(crate) fn text_name(&self) -> String {
        self.name.unraw().to_string()
    }
}

pub(crate) fn check(options: Options, item: TokenStream, mistakes: &mut Mistakes) -> Checked {
    let facade = options.facade.clone().unwrap_or_else(|| parse_quote!(::http_session));
    let Ok(mut input) = syn::parse2::<DeriveInput>(item.clone()) else {
        mistakes.add(item.span(), "#[session_config] goes on a struct");
        return Checked { item, facade, config: None };
    };
    let mut fields = fields(&mut input, mistakes);
    rules::check(&options, mistakes);
    let names = names(&input.data);
    for given in &options.given {
        references(given, &names, &mut fields, mistakes);
    }
    let is_generic = !input.generics.params.is_empty();
    if is_generic {
        mistakes.add(
            input.generics.span(),
            "a #[session_config] struct cannot be generic: give its fields types of their own",
        );
    }
    let config = Config {
        name: input.ident.clone(),
        vis: input.vis.clone(),
        is_unit: matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Unit)),
        fields,
        settings: options.given,
        store: options.store,
        resolver: options.resolver,
        codec: options.codec,
    };
    Checked { item: input.into_token_stream(), facade, config: (!is_generic).then_some(config) }
}

/// The names of all fields, also of those that something is wrong with.
fn names(data: &Data) -> Vec<String> {
    match data {
        Data::Struct(data) => data
            .fields
            .iter()
            .filter_map(|field| field.ident.as_ref())
            .map(|name| name.unraw().to_string())
            .collect(),
        Data::Enum(_) | Data::Union(_) => Vec::new(),
    }
}

/// Takes the `#[value]` attributes out of the item, and with them the fields that nothing is wrong with.
fn fields(input: &mut DeriveInput, mistakes: &mut Mistakes) -> Vec<Field> {
    match &mut input.data {
        Data::Struct(data) => match &mut data.fields {
            Fields::Unit => {}
            Fields::Named(named) => {
                return named.named.iter_mut().filter_map(|field| self::field(field, mistakes)).collect();
            }
            Fields::Unnamed(unnamed) => {
                mistakes.add(
                    unnamed.span(),
                    "a #[session_config] struct needs named fields, so that settings can refer to them as \
                     `{field}`: struct Name { #[value(\"${property:default}\")] field: Type }",
                );
                unnamed.unnamed.iter_mut().for_each(|field| drop(take_values(&mut field.attrs)));
            }
        },
        Data::Enum(data) => {
            mistakes.add(data.enum_token.span(), "#[session_config] goes on a struct, not on an enum");
        }
        Data::Union(data) => {
            mistakes.add(data.union_token.span(), "#[session_config] goes on a struct, not on a union");
        }
    }
    Vec::new()
}

fn field(field: &mut syn::Field, mistakes: &mut Mistakes) -> Option<Field> {
    let name = field.ident.clone()?;
    let values = take_values(&mut field.attrs);
    let value = match &values[..] {
        [value] => value,
        [] => {
            mistakes.add(
                name.span(),
                format!(
                    "the field `{name}` says nothing of where its value comes from: \
                     #[value(\"${{{name}:default}}\")]"
                ),
            );
            return None;
        }
        [_, second, ..] => {
            mistakes.add(second.path().span(), format!("a second #[value] on the field `{name}`"));
            return None;
        }
    };
    let template = template_of(value).map_err(|mistake| mistakes.push(mistake)).ok()?;
    Some(Field {
        name,
        ty: field.ty.clone(),
        cfgs: field.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect(),
        template,
        used: false,
    })
}

fn take_values(attrs: &mut Vec<Attribute>) -> Vec<Attribute> {
    let (values, others) = std::mem::take(attrs).into_iter().partition(|attr| attr.path().is_ident("value"));
    *attrs = others;
    values
}

fn template_of(value: &Attribute) -> syn::Result<LitStr> {
    let form = "write #[value(\"${property:default}\")]";
    let Meta::List(list) = &value.meta else {
        return Err(syn::Error::new(value.path().span(), form));
    };
    let text: LitStr = list.parse_args().map_err(|_| syn::Error::new(value.path().span(), form))?;
    let mut names = Vec::new();
    collect_fields(&text.value(), &mut names)
        .map_err(|message| syn::Error::new(text.span(), malformed(&message)))?;
    if let Some(name) = names.first() {
        return Err(syn::Error::new(
            text.span(),
            format!(
                "`{{{name}}}`: a field cannot be made of another one (a property is written `${{{name}}}`)"
            ),
        ));
    }
    Ok(text)
}

/// Each `{field}` in the setting has to be a field; it is marked as used.
fn references(given: &Given, known: &[String], fields: &mut [Field], mistakes: &mut Mistakes) {
    let mut names = Vec::new();
    if let Err(message) = collect_fields(&given.text, &mut names) {
        return mistakes.add(given.at, malformed(&message));
    }
    for name in names {
        if known.contains(&name) {
            fields.iter_mut().filter(|field| field.text_name() == name).for_each(|field| field.used = true);
            continue;
        }
        let hint = match known {
            [] => " (it has none)".to_owned(),
            known => did_you_mean(&name, known.iter().map(String::as_str)),
        };
        mistakes.add(given.at, format!("`{{{name}}}`: the struct has no field `{name}`{hint}"));
    }
}

fn malformed(message: &str) -> String {
    format!("the text {message}")
}

fn collect_fields(text: &str, names: &mut Vec<String>) -> Result<(), String> {
    for part in template::parse(text, Braces::Fields)? {
        match part {
            Part::Field(name) => names.push(name.to_owned()),
            Part::Property { default: Some(default), .. } => collect_fields(default, names)?,
            Part::Property { default: None, .. } | Part::Text(_) => {}
        }
    }
    Ok(())
}
