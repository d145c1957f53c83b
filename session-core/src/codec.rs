use std::fmt;

use bytes::Bytes;
use erased_serde::{Deserializer, Serialize};
use serde::de::DeserializeOwned;

use crate::{Error, ErrorKind, Result};

/// How an attribute's value becomes bytes and back. Each attribute is encoded by itself.
///
/// Object-safe, so that `Session` has no type parameter for it; the indirection costs some 50 ns a value.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// Encodes one value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unencodable`] when the value has no form in this encoding.
    fn encode(&self, value: &dyn Serialize) -> Result<Bytes>;

    /// Gives `visit` a deserializer over `bytes`, and checks that nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Undecodable`] when `visit` fails or bytes are left.
    fn decode(
        &self,
        bytes: &[u8],
        visit: &mut dyn FnMut(&mut dyn Deserializer<'_>) -> Result<(), erased_serde::Error>,
    ) -> Result<()>;
}

/// Decodes a `T` with any codec.
pub(crate) fn decode<T: DeserializeOwned>(codec: &dyn Codec, bytes: &[u8]) -> Result<T> {
    let mut value = None;
    codec.decode(bytes, &mut |deserializer| {
        value = Some(erased_serde::deserialize(deserializer)?);
        Ok(())
    })?;
    value.ok_or_else(|| Error::new(ErrorKind::Undecodable, "the codec decoded nothing"))
}

/// JSON, the default: readable in the store, and by other languages.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct JsonCodec;

impl Codec for JsonCodec {
    fn encode(&self, value: &dyn Serialize) -> Result<Bytes> {
        let mut bytes = Vec::with_capacity(64);
        let mut serializer = serde_json::Serializer::new(&mut bytes);
        value.erased_serialize(&mut <dyn erased_serde::Serializer>::erase(&mut serializer)).map_err(
            |error| {
                Error::new(ErrorKind::Unencodable, "the value of a session attribute has no form in JSON")
                    .with_source(error)
            },
        )?;
        Ok(bytes.into())
    }

    fn decode(
        &self,
        bytes: &[u8],
        visit: &mut dyn FnMut(&mut dyn Deserializer<'_>) -> Result<(), erased_serde::Error>,
    ) -> Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        visit(&mut <dyn Deserializer<'_>>::erase(&mut deserializer)).map_err(|error| undecodable(&error))?;
        deserializer.end().map_err(|error| undecodable(&error))
    }
}

/// Only where it went wrong is kept: serde's message quotes the value.
fn undecodable(error: &dyn fmt::Display) -> Error {
    let text = error.to_string();
    let place = text.rfind(" at line ").map_or("", |at| &text[at..]);
    Error::new(
        ErrorKind::Undecodable,
        format!("a session attribute is not of the type that was asked for, or not JSON{place}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_as_it_went_in() {
        let bytes = JsonCodec.encode(&vec!["ä", "b"]).unwrap();
        assert_eq!(&bytes[..], r#"["ä","b"]"#.as_bytes());
        assert_eq!(decode::<Vec<String>>(&JsonCodec, &bytes).unwrap(), ["ä", "b"]);
    }

    #[test]
    fn bytes_left_behind_are_undecodable() {
        let error = decode::<u8>(&JsonCodec, b"1 2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable);
    }

    #[test]
    fn an_undecodable_value_is_not_quoted() {
        let error = decode::<u8>(&JsonCodec, br#""hunter2""#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Undecodable);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
