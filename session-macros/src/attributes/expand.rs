//! From the model to code. Everything is named by absolute paths; what decides anything is in the facade.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, Lifetime, Type, parse_quote};

use super::model::{Field, Missing, Model, Stored};
use crate::mistakes::Mistakes;

pub(crate) fn expand(model: Option<Model>, mistakes: Mistakes) -> TokenStream {
    match model {
        // Without the implementation the compiler would report its absence wherever the struct is used.
        Some(model) => {
            let code = code(&model);
            let errors = mistakes.into_compile_errors();
            quote!(#errors #code)
        }
        None => mistakes.into_compile_errors(),
    }
}

fn code(model: &Model) -> TokenStream {
    let Model { name, vis, generics, facade, fields } = model;
    let private = quote!(#facade::__private);
    let generics = &bounded(generics, fields, &private);
    let (of_impl, of_type, of_where) = generics.split_for_impl();
    let lifetime: Lifetime = Lifetime::new("'guard", Span::mixed_site());
    let guard = format_ident!("{name}Guard");
    let guard_generics = &with_lifetime(generics, &lifetime);
    let (_, guard_type, guard_where) = guard_generics.split_for_impl();

    let names = fields.iter().filter_map(|field| named(field, |_| true));
    let one_time = fields.iter().filter_map(|field| named(field, |stored| stored.is_one_time));
    let reader = Ident::new("from", Span::mixed_site());
    let session = Ident::new("session", Span::mixed_site());
    let reads = fields.iter().map(|field| read(field, &reader));
    let guards = fields.iter().map(|field| {
        let Field { name, vis, ty, cfgs, stored, .. } = field;
        let tracked = match stored {
            Some(_) => quote_spanned!(ty.span()=> #private::Tracked<#lifetime, #ty>),
            None => quote!(&#lifetime mut #ty),
        };
        quote!(#(#cfgs)* #vis #name: #tracked)
    });
    let tracks = fields.iter().map(|Field { name, cfgs, stored, .. }| {
        let value = quote!(&mut self.#name);
        let tracked = match stored {
            Some(Stored { name, .. }) => quote!(#private::Tracked::new(#session, #name, #value)),
            None => value,
        };
        quote!(#(#cfgs)* #name: #tracked)
    });
    let doc = format!("The fields of [`{name}`], to be changed: what is borrowed mutably is written.");
    quote! {
        #[doc = #doc]
        #[must_use = "it changes what is changed through it"]
        #[allow(dead_code, reason = "an application changes the fields that it needs to")]
        #vis struct #guard #guard_generics #guard_where {
            #(#guards),*
        }

        #[allow(clippy::all, reason = "it is about code of the user's within code that is not")]
        #[automatically_derived]
        impl #of_impl #private::SessionAttributes for #name #of_type #of_where {
            const NAMES: &'static [&'static ::core::primitive::str] = &[#(#names),*];
            const ONE_TIME: &'static [&'static ::core::primitive::str] = &[#(#one_time),*];
            type Guard<#lifetime> = #guard #guard_type where Self: #lifetime;

            fn read(#reader: &#private::AttributeReader<'_>) -> ::core::result::Result<Self, #private::Error> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }

            fn guard<#lifetime>(&#lifetime mut self, #session: &#lifetime #private::LazySession) -> Self::Guard<#lifetime> {
                #guard { #(#tracks),* }
            }
        }
    }
}

/// The name of an attribute, in an array.
fn named(field: &Field, is_meant: impl Fn(&Stored) -> bool) -> Option<TokenStream> {
    let Field { cfgs, stored, .. } = field;
    let Stored { name, .. } = stored.as_ref().filter(|stored| is_meant(stored))?;
    Some(quote!(#(#cfgs)* #name))
}

fn read(field: &Field, reader: &Ident) -> TokenStream {
    let Field { name, ty, cfgs, default, stored, .. } = field;
    let value = default.as_ref().map(|default| match default {
        Missing::Default(at) => quote_spanned!(*at=> <#ty as ::core::default::Default>::default()),
        Missing::Expr(expr) => quote!(#expr),
    });
    let value = match (stored, value) {
        (None, None) => quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default()),
        (None, Some(value)) => value,
        (Some(Stored { name, .. }), None) => quote_spanned!(ty.span()=> #reader.required::<#ty>(#name)?),
        (Some(Stored { name, .. }), Some(value)) => {
            quote_spanned!(ty.span()=> #reader.or_else::<#ty>(#name, || #value)?)
        }
    };
    quote!(#(#cfgs)* #name: #value)
}

/// The struct's generics, with what its attributes have to be.
fn bounded(generics: &Generics, fields: &[Field], private: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    if generics.params.is_empty() {
        return generics;
    }
    let stored = fields.iter().filter(|field| field.stored.is_some() && field.cfgs.is_empty());
    let types: Vec<&Type> = stored.map(|field| &field.ty).collect();
    let bounds = &mut generics.make_where_clause().predicates;
    for ty in types {
        bounds.push(parse_quote!(#ty: #private::Serialize + #private::DeserializeOwned));
    }
    generics
}

fn with_lifetime(generics: &Generics, lifetime: &Lifetime) -> Generics {
    let mut generics = generics.clone();
    let types: Vec<_> = generics.type_params().map(|param| param.ident.clone()).collect();
    generics.params.insert(0, parse_quote!(#lifetime));
    let bounds = &mut generics.make_where_clause().predicates;
    for ty in types {
        bounds.push(parse_quote!(#ty: #lifetime));
    }
    generics
}
