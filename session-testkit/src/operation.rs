use session_core::{Capabilities, Events, Principals, Renewal, SessionStore, Sweep};

/// An operation of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "one a method of the contract")]
pub enum Operation {
    /// [`SessionStore::create`](session_core::SessionStore::create)
    Create,
    /// [`SessionStore::load`](session_core::SessionStore::load)
    Load,
    /// [`SessionStore::touch`](session_core::SessionStore::touch)
    Touch,
    /// [`SessionStore::save`](session_core::SessionStore::save)
    Save,
    /// [`SessionStore::rotate`](session_core::SessionStore::rotate)
    Rotate,
    /// [`SessionStore::delete`](session_core::SessionStore::delete)
    Delete,
    /// [`SessionStore::end`](session_core::SessionStore::end)
    End,
    /// [`SessionStore::take`](session_core::SessionStore::take)
    Take,
    /// [`SessionStore::replace_if`](session_core::SessionStore::replace_if)
    ReplaceIf,
    /// [`Renewal::renew`](session_core::Renewal::renew)
    Renew,
    /// [`Sweep::sweep`](session_core::Sweep::sweep)
    Sweep,
    /// [`Principals::sign_in`](session_core::Principals::sign_in)
    SignIn,
    /// [`Principals::find`](session_core::Principals::find)
    Find,
    /// [`Principals::count`](session_core::Principals::count)
    Count,
    /// [`Principals::revoke`](session_core::Principals::revoke)
    Revoke,
    /// [`Events::subscribe`](session_core::Events::subscribe)
    Subscribe,
    /// [`Subscription::next`](session_core::Subscription::next)
    Next,
    /// [`Subscription::acknowledge`](session_core::Subscription::acknowledge)
    Acknowledge,
}

/// What a wrapper offers: what its store does.
pub(crate) fn offered_by<'a, W: Renewal + Sweep + Principals + Events>(
    wrapper: &'a W,
    store: &dyn SessionStore,
) -> Capabilities<'a> {
    let mut offered = Capabilities::none();
    if store.capabilities().renewal.is_some() {
        offered = offered.with_renewal(wrapper);
    }
    if store.capabilities().sweep.is_some() {
        offered = offered.with_sweep(wrapper);
    }
    if store.capabilities().principals.is_some() {
        offered = offered.with_principals(wrapper);
    }
    if store.capabilities().events.is_some() {
        offered = offered.with_events(wrapper);
    }
    offered
}

pub(crate) fn renewal(store: &dyn SessionStore) -> &dyn Renewal {
    store.capabilities().renewal.expect("the wrapper offers renewal because its store does")
}

pub(crate) fn sweep(store: &dyn SessionStore) -> &dyn Sweep {
    store.capabilities().sweep.expect("the wrapper offers a sweep because its store does")
}

pub(crate) fn principals(store: &dyn SessionStore) -> &dyn Principals {
    store.capabilities().principals.expect("the wrapper offers principals because its store does")
}

pub(crate) fn events(store: &dyn SessionStore) -> &dyn Events {
    store.capabilities().events.expect("the wrapper offers events because its store does")
}
