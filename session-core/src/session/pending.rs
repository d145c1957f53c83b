use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

use crate::Changes;

/// What a request has changed and the store has not been told.
///
/// What is sent to the store is shared with it, and copied only if the request goes on changing something meanwhile.
/// Most requests change nothing: then nothing is allocated.
#[derive(Default)]
pub(crate) struct Pending(Option<Arc<Changes>>);

static NONE: Changes = Changes::new();

impl Pending {
    /// The changes, to be added to.
    pub(crate) fn edit(&mut self) -> &mut Changes {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// The changes as they are now, to be sent. They stay pending until they are [`written`](Self::written).
    pub(crate) fn share(&mut self, touch: bool) -> Arc<Changes> {
        let changes = self.0.get_or_insert_default();
        Arc::make_mut(changes).touch = touch;
        Arc::clone(changes)
    }

    /// The store has applied these changes. What has been changed since they were sent stays pending.
    pub(crate) fn written(&mut self, changes: &Changes) {
        let is_as_sent = ptr::eq(&**self, changes);
        if is_as_sent {
            *self = Self::default();
            return;
        }
        if self.is_empty() {
            return;
        }
        let pending = self.edit();
        pending.attributes.retain(|name, value| changes.attributes.get(name) != Some(value));
        if pending.idle == changes.idle {
            pending.idle = None;
        }
    }
}

impl Deref for Pending {
    type Target = Changes;

    fn deref(&self) -> &Changes {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_written_is_no_longer_pending() {
        let mut pending = Pending::default();
        pending.edit().set("a", "1");
        let sent = pending.share(true);
        assert!(!pending.is_empty() && sent.touch, "reads see it until the store has it");
        pending.written(&sent);
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_changed_after_the_sending_stays_pending() {
        let mut pending = Pending::default();
        pending.edit().set("a", "1");
        pending.edit().set("b", "1");
        let sent = pending.share(false);
        pending.edit().set("b", "2");
        pending.edit().remove("c");
        assert_eq!(sent.attributes.len(), 2, "what was sent stays as it was");
        pending.written(&sent);
        let left: Vec<_> = pending.attributes.keys().map(|name| &**name).collect();
        assert_eq!(left, ["b", "c"]);
    }
}
