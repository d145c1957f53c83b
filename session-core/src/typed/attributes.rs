use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::probe;
use crate::{Error, ErrorKind, LazySession, Result};

/// A struct whose fields are attributes, each stored by itself. Derive it; the facade says how.
pub trait SessionAttributes: Sized {
    /// The attributes' names: what a request loads.
    const NAMES: &'static [&'static str];
    /// Those among them that are taken out of the session when they are read.
    const ONE_TIME: &'static [&'static str];
    /// The fields, to be changed.
    type Guard<'a>
    where
        Self: 'a;

    /// Decodes the fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`] and [`ErrorKind::Undecodable`].
    fn read(from: &AttributeReader<'_>) -> Result<Self>;

    /// The fields, each of which notes whether it is changed.
    fn guard<'a>(&'a mut self, session: &'a LazySession) -> Self::Guard<'a>;
}

/// The attributes that were read, for a [`SessionAttributes`].
pub struct AttributeReader<'a> {
    session: &'a LazySession,
    values: BTreeMap<&'static str, Bytes>,
}

impl AttributeReader<'_> {
    /// An attribute that has to be there, unless its type is an `Option`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Missing`], [`ErrorKind::Undecodable`].
    pub fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.optional(name)?.or_else(probe::missing).ok_or_else(|| {
            let message = format!("the session has no attribute {name:?}, which is asked for");
            Error::new(ErrorKind::Missing, message)
        })
    }

    /// An attribute, or else this.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Undecodable`].
    pub fn or_else<T: DeserializeOwned>(&self, name: &str, default: impl FnOnce() -> T) -> Result<T> {
        Ok(self.optional(name)?.unwrap_or_else(default))
    }

    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let value = self.values.get(name);
        value.map(|bytes| self.session.shared().decode(bytes)).transpose()
    }
}

impl fmt::Debug for AttributeReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeReader").field("names", &self.values.keys()).finish()
    }
}

/// The session's attributes of one struct, [read](LazySession::load_as). Reading is by its fields, changing by
/// [`edit`](Self::edit).
pub struct TypedAttributes<T> {
    session: LazySession,
    value: T,
}

impl<T: SessionAttributes> TypedAttributes<T> {
    pub(crate) async fn load(session: &LazySession) -> Result<Self> {
        let shared = session.shared();
        shared.load_only(T::NAMES).await?;
        let mut values = BTreeMap::new();
        for name in T::NAMES {
            values.extend(shared.attribute(name)?.map(|bytes| (*name, bytes)));
        }
        let mut reader = AttributeReader { session, values };
        // First of all: what cannot be read takes nothing.
        let mut value = T::read(&reader)?;
        let mut is_same = true;
        for name in T::ONE_TIME.iter().filter(|name| reader.values.contains_key(**name)).collect::<Vec<_>>() {
            let taken = shared.take(name).await?;
            is_same &= taken.as_ref() == reader.values.get(name);
            match taken {
                Some(taken) => drop(reader.values.insert(name, taken)),
                None => drop(reader.values.remove(name)),
            }
        }
        if !is_same {
            // Another request was faster, or has set another one.
            value = T::read(&reader)?;
        }
        Ok(Self { session: session.clone(), value })
    }

    /// The fields, to be changed. What is changed is set in the session when the guard is dropped, field by field,
    /// and written with the response head; a field that nobody has borrowed mutably is not. One that cannot be set
    /// (because it is too large, say) makes the answer that error.
    pub fn edit(&mut self) -> T::Guard<'_> {
        self.value.guard(&self.session)
    }
}

impl<T> TypedAttributes<T> {
    /// The session that they are of.
    pub fn session(&self) -> &LazySession {
        &self.session
    }

    /// The struct, apart from the session.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for TypedAttributes<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> fmt::Debug for TypedAttributes<T> {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedAttributes").field("session", &self.session).finish_non_exhaustive()
    }
}
