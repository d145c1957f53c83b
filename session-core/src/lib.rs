//! The session, its store contract and the manager that every adapter calls.
//!
//! An application does not depend on this crate: it uses the facade `http-session`. A store implements
//! [`SessionStore`], an adapter for a web framework drives [`SessionManager`], and neither knows the other.
//!
//! What this crate does not know, and must not: any web framework, any store, any async runtime (`tokio` is
//! here for its runtime-free locks). It speaks of headers as names and bytes.

mod administration;
mod changes;
mod clock;
mod codec;
mod digest;
mod error;
mod event;
mod expiry;
mod id;
mod limits;
mod manager;
mod miss;
mod principal;
mod principals;
mod random;
mod record;
mod resolver;
mod session;
mod settings;
mod store;
mod sweeping;
mod typed;

pub use administration::{SessionInfo, SessionPage};
pub use changes::Changes;
pub use clock::{Clock, SystemClock, Timestamp};
pub use codec::{Codec, JsonCodec};
pub use digest::Digest;
pub use error::{Error, ErrorKind, Result};
pub use event::{
    DELIVERY_ATTEMPTS, Delivered, Deliveries, Delivery, EventKind, EventListener, EventSettings, Events,
    Inbox, ListenerFailure, Outcome, Reason, Receipt, SessionEvent, Subscription,
};
pub use expiry::{DEFAULT_IDLE, DEFAULT_TOUCH, Expiry, throttle};
pub use id::{Handle, SessionId};
pub use limits::Limits;
pub use manager::{Commit, FlushMode, ManagerBuilder, SaveMode, SessionManager};
pub use miss::Miss;
pub use principal::Principal;
pub use principals::{
    Beyond, Cursor, Found, Page, Principals, Revocation, Revoked, SessionLimit, SignIn, SignedIn,
};
pub use random::{OsRandom, Random};
pub use record::{Attributes, Name, NewRecord, Record};
pub use resolver::{
    CookieResolver, CookieResolverBuilder, Header, HeaderMode, HeaderResolver, SameSite, SessionIdResolver,
};
pub use session::{DetachedSession, LazySession, PartialSession, Session};
pub use settings::{budget_mistake, namespace_mistake};
pub use store::{
    Access, Capabilities, Created, ENDED_WINDOW, Load, OpId, PREVIOUS_GRACE, RENEWAL_WAIT, ROTATED_WINDOW,
    Renewal, Renewed, Saved, Select, SessionStore, StoredId, Swapped, Sweep, TOMBSTONE_LIFE, Taken,
};
pub use sweeping::{sweep_all, sweep_regularly};
pub use typed::{AttributeReader, Key, SessionAttributes, Tracked, TypedAttributes};
