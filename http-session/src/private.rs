//! What generated code names. Not public API.

pub use serde::Serialize;
pub use serde::de::DeserializeOwned;
pub use session_core::{AttributeReader, Error, LazySession, SessionAttributes, Tracked};

pub use crate::annotation::{
    Annotated, Annotation, Fields, Opening, Own, builder, from_env, from_source, into_builder, opened, text,
};
pub use crate::{__session_config_methods as session_config_methods, Builder, Explanation, Source};

/// The methods that depend on a feature: a proc macro cannot see features, this macro is one of the facade's.
#[cfg(feature = "tower")]
#[doc(hidden)]
#[macro_export]
macro_rules! __session_config_methods {
    ($vis:vis $name:ident) => {
        #[allow(dead_code, reason = "an application calls what it needs of them")]
        impl $name {
            /// The layer with these settings: the fields' values from the environment, its overrides, and the
            /// store that they name, opened.
            ///
            /// # Errors
            ///
            /// One that names every mistake with where the value came from, or what the store answers.
            $vis async fn layer()
            -> ::core::result::Result<$crate::tower::SessionLayer, $crate::__private::Error> {
                $crate::Builder::layer(Self::builder()).await
            }
        }
    };
}

/// Without an adapter there is no layer.
#[cfg(not(feature = "tower"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __session_config_methods {
    ($vis:vis $name:ident) => {};
}
