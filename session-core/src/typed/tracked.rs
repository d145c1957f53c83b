use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;

use super::probe;
use crate::{LazySession, Result};

/// A field of a [`SessionAttributes`](crate::SessionAttributes) struct that is being edited. It notes whether it was
/// borrowed mutably; if so, the attribute is set when it is dropped. An `Option` that is `None` removes it.
pub struct Tracked<'a, T: Serialize> {
    session: &'a LazySession,
    name: &'static str,
    value: &'a mut T,
    is_touched: bool,
}

impl<'a, T: Serialize> Tracked<'a, T> {
    /// A field that nobody has touched.
    pub fn new(session: &'a LazySession, name: &'static str, value: &'a mut T) -> Self {
        Self { session, name, value, is_touched: false }
    }

    /// Sets the attribute now, if the field was touched.
    ///
    /// # Errors
    ///
    /// Those of [`LazySession::insert`].
    pub fn store(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.is_touched) {
            return Ok(());
        }
        if probe::is_none(self.value) {
            return self.session.remove(self.name);
        }
        self.session.insert(self.name, self.value)
    }
}

impl<T: Serialize> Drop for Tracked<'_, T> {
    fn drop(&mut self) {
        if let Err(error) = self.store() {
            self.session.shared().refuse(error);
        }
    }
}

impl<T: Serialize> Deref for Tracked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T: Serialize> DerefMut for Tracked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.is_touched = true;
        self.value
    }
}

impl<T: Serialize> fmt::Debug for Tracked<'_, T> {
    /// Without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked")
            .field("name", &self.name)
            .field("is_touched", &self.is_touched)
            .finish_non_exhaustive()
    }
}
