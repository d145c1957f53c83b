//! From the model to code. Everything is named by absolute paths, and what decides anything is a function of the
//! facade's `__private`: only what needs the struct's fields is generated.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::mistakes::Mistakes;
use crate::model::{Checked, Config, Field};

pub(crate) fn expand(checked: Checked, mistakes: Mistakes) -> TokenStream {
    let Checked { item, facade, config } = checked;
    let private = quote!(#facade::__private);
    let generated = match config {
        None => TokenStream::new(),
        // With mistakes the methods are there all the same, so that their absence is not reported as well.
        Some(config) if !mistakes.is_empty() => methods(&private, &config, &nothing(&private, &config)),
        Some(config) => methods(&private, &config, &annotated(&private, &config)),
    };
    let errors = mistakes.into_compile_errors();
    quote!(#item #errors #generated)
}

fn methods(private: &TokenStream, config: &Config, annotated: &TokenStream) -> TokenStream {
    let Config { name, vis, .. } = config;
    quote! {
        #annotated

        #[allow(dead_code, reason = "an application calls what it needs of them")]
        impl #name {
            /// The settings, with the fields' values from the environment and the configuration file.
            ///
            /// # Errors
            ///
            /// One that names every value that is missing or wrong.
            #vis fn from_env() -> ::core::result::Result<Self, #private::Error> {
                #private::from_env::<Self>()
            }

            /// The settings, with the fields' values from this source: a map, in tests.
            ///
            /// # Errors
            ///
            /// One that names every value that is missing or wrong.
            #vis fn from_source(source: &dyn #private::Source) -> ::core::result::Result<Self, #private::Error> {
                #private::from_source::<Self>(source)
            }

            /// These settings, to be completed: with a store or a codec of one's own, for instance. The fields'
            /// values are read when it is built, from the builder's source.
            #vis fn builder() -> #private::Builder {
                #private::builder::<Self>()
            }

            /// What holds, each setting with where its value comes from: a table, to be printed. Connects to nothing.
            ///
            /// # Errors
            ///
            /// One that names every value that is missing or wrong.
            #vis fn explain() -> ::core::result::Result<#private::Explanation, #private::Error> {
                #private::Builder::explain(Self::builder())
            }

            /// These settings with the fields' values as they are, to be completed.
            #vis fn into_builder(self) -> #private::Builder {
                #private::into_builder(self)
            }
        }

        #private::session_config_methods! { #vis #name }
    }
}

/// An implementation for what does not compile anyway.
fn nothing(private: &TokenStream, config: &Config) -> TokenStream {
    let name = &config.name;
    // So that the user's imports for it are not reported as unused.
    let own = own(private, config);
    quote! {
        impl #private::Annotated for #name {
            const ANNOTATION: #private::Annotation = #private::Annotation { name: "", place: "", settings: &[] };

            fn read(_: &mut #private::Fields<'_>) -> ::core::option::Option<Self> {
                ::core::option::Option::None
            }

            fn texts(&self) -> ::std::vec::Vec<(&'static ::core::primitive::str, ::std::string::String)> {
                ::std::vec![]
            }

            #own
        }
    }
}

fn annotated(private: &TokenStream, config: &Config) -> TokenStream {
    let Config { name, fields, settings, .. } = config;
    let text_name = name.to_string();
    let settings = settings.iter().map(|given| {
        let (property, text) = (given.key.property, &given.text);
        quote!((#property, #text))
    });
    let reader = Ident::new("fields", Span::mixed_site());
    let locals: Vec<_> =
        (0..fields.len()).map(|at| format_ident!("field_{at}", span = Span::mixed_site())).collect();
    let reads = fields.iter().zip(&locals).map(|(field, local)| {
        let Field { ty, cfgs, template, .. } = field;
        let (name, ty_name) = (field.text_name(), ty.to_token_stream().to_string());
        let read =
            quote_spanned!(ty.span()=> #private::Fields::read::<#ty, _>(#reader, #name, #ty_name, #template));
        quote!(#(#cfgs)* let #local = #read;)
    });
    let filled =
        fields.iter().zip(&locals).map(|(Field { name, cfgs, .. }, local)| quote!(#(#cfgs)* #name: #local?));
    let value = if config.is_unit { quote!(Self) } else { quote!(Self { #(#filled),* }) };
    let texts = fields.iter().filter(|field| field.used).map(|field| {
        let Field { name, ty, cfgs, .. } = field;
        let text_name = field.text_name();
        let text = quote_spanned!(ty.span()=> #private::text::<#ty, _>(&self.#name));
        quote!(#(#cfgs)* (#text_name, #text))
    });
    let own = own(private, config);
    quote! {
        impl #private::Annotated for #name {
            const ANNOTATION: #private::Annotation = #private::Annotation {
                name: #text_name,
                place: ::core::concat!(::core::file!(), ":", ::core::line!()),
                settings: &[#(#settings),*],
            };

            fn read(#reader: &mut #private::Fields<'_>) -> ::core::option::Option<Self> {
                #(#reads)*
                ::core::option::Option::Some(#value)
            }

            fn texts(&self) -> ::std::vec::Vec<(&'static ::core::primitive::str, ::std::string::String)> {
                ::std::vec![#(#texts),*]
            }

            #own
        }
    }
}

/// What is no text.
fn own(private: &TokenStream, config: &Config) -> TokenStream {
    let Config { store, resolver, codec, .. } = config;
    let resolver = resolver.as_ref().map(|it| quote_spanned!(it.span()=> .resolver(#it)));
    let codec = codec.as_ref().map(|it| quote_spanned!(it.span()=> .codec(#it)));
    let opening = store.as_ref().map(|store| {
        quote! {
            fn opening(self) -> ::core::option::Option<#private::Opening> {
                ::core::option::Option::Some(::std::boxed::Box::pin(async move {
                    #private::opened(#store(&self).await)
                }))
            }
        }
    });
    quote! {
        fn own() -> #private::Own {
            <#private::Own as ::core::default::Default>::default() #resolver #codec
        }

        #opening
    }
}
