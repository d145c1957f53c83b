use std::num::NonZeroUsize;
use std::time::Duration;

/// What the operations of one store have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) budget: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    /// To each server.
    pub(crate) connections: NonZeroUsize,
    /// Whether what may be sent again is.
    pub(crate) retry: bool,
    pub(crate) durability: Durability,
}

impl Settings {
    /// How long a replica may take to confirm: less than what makes a link silent.
    pub(crate) fn replica_timeout(&self) -> Duration {
        self.connect_timeout * 3 / 4
    }
}

/// When a change that says who may use a session is done.
///
/// It is about ending and rotating sessions and taking attributes, which an attacker may want undone. All other
/// changes are done when the primary has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// When the primary has it. A failover may undo what the primary had acknowledged and not replicated yet: some
    /// milliseconds' worth, as a rule.
    #[default]
    Primary,
    /// When one replica has it, too (`WAIT 1`): about one round trip more, on a connection of its own.
    ///
    /// When no replica confirms in time (three quarters of the connect timeout: 0.7 s) the operation fails with
    /// [`ErrorKind::Timeout`](session_core::ErrorKind::Timeout): the primary has made the change, and a failover may
    /// still undo it. A server without a replica fails every such operation.
    Replicated,
}
