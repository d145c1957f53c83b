use std::fmt;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo};
use session_core::{Error, ErrorKind, EventSettings, Result};

use crate::RedisStore;
use crate::keys::Keys;

/// Settings of a [`RedisStore`].
///
/// ```no_run
/// # async fn start() -> session_core::Result<()> {
/// use std::time::Duration;
/// use session_redis::RedisStore;
///
/// let store = RedisStore::builder("redis://shop:secret@redis.internal:6379/3")
///     .namespace("shop")
///     .budget(Duration::from_secs(1))
///     .connect()
///     .await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStoreBuilder {
    url: String,
    namespace: String,
    budget: Duration,
    events: Option<EventSettings>,
}

const DEFAULT_NAMESPACE: &str = "session";
const DEFAULT_BUDGET: Duration = Duration::from_secs(2);

impl RedisStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self { url, namespace: DEFAULT_NAMESPACE.to_owned(), budget: DEFAULT_BUDGET, events: None }
    }

    /// What the keys begin with: sessions lie under `<namespace>:sessions:<handle>`. Default `session`.
    ///
    /// Applications that share a server and should not share sessions need different ones; the session layer has
    /// to be given the same one, because the digest of an id depends on it.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// How long an operation may take, at most. Default two seconds.
    ///
    /// The rest follows from it: an answer is awaited for 95 % of it (1.9 s), a connect for 45 % (0.9 s), so that
    /// a connect, another one a moment later and what is left for the command fit into one budget.
    #[must_use]
    pub fn budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// Tells what happens to sessions; not, when nothing is said. Needs Redis 6.2. All nodes that share a namespace are
    /// to have the same settings, or sessions end without a word.
    ///
    /// It costs two more commands where a session begins, one where it is rotated, four where it is ended, and some
    /// hundred bytes of the server's memory for each session and each event. Somebody has to
    /// [sweep](session_core::Sweep::sweep): the facade does.
    #[must_use]
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }
    }

    /// Connects, checks that the server can keep sessions, and loads the scripts. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Config`]: the URL, the namespace or the budget is not one, or the server refuses the
    ///   password, the database or the commands that sessions need.
    /// - [`ErrorKind::Unavailable`]: there is no server, or it does not answer.
    /// - [`ErrorKind::ReadOnly`]: the server is a replica.
    pub async fn connect(self) -> Result<RedisStore> {
        let (keys, events) = (Keys::new(&self.namespace), self.events.clone());
        RedisStore::open(self.checked()?, keys, events).await
    }

    fn checked(self) -> Result<Target> {
        let mut mistakes = Vec::new();
        if !is_namespace(&self.namespace) {
            mistakes.push("the namespace must be 1 to 100 letters, digits and any of - _ . : /".to_owned());
        }
        if self.budget < Duration::from_millis(10) {
            mistakes.push("the budget of an operation must be at least 10 ms".to_owned());
        }
        let server = server(&self.url).inspect_err(|mistake| mistakes.push(mistake.clone()));
        match server {
            Ok((address, handshake)) if mistakes.is_empty() => Ok(Target {
                address,
                handshake,
                probe: Keys::new(&self.namespace).nothing(),
                budget: self.budget,
                is_telling: self.events.is_some(),
            }),
            Ok(_) | Err(_) => Err(Error::new(ErrorKind::Config, mistakes.join("; "))),
        }
    }
}

/// The password stays out of it.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = server(&self.url).map(|(address, _)| address.to_string());
        f.debug_struct("RedisStoreBuilder")
            .field("server", &server.as_deref().unwrap_or("?"))
            .field("namespace", &self.namespace)
            .field("budget", &self.budget)
            .field("events", &self.events)
            .finish()
    }
}

/// Braces would put every session of a cluster into one slot; blanks and controls are no use to anybody.
fn is_namespace(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
}

fn server(url: &str) -> Result<(ConnectionAddr, RedisConnectionInfo), String> {
    const FORM: &str = "redis://[user:password@]host[:port][/database]";
    if url.starts_with("rediss:") || url.starts_with("valkeys:") {
        return Err(
            "the store URL asks for TLS, which this version of session-redis does not speak".to_owned()
        );
    }
    let info: ConnectionInfo = url
        .into_connection_info()
        .map_err(|error| format!("the store URL is not of the form {FORM}: {}", error.category()))?;
    // One form of every reply, whatever the URL asks for.
    let handshake = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
    let handshake = handshake.set_lib_name("session-redis", env!("CARGO_PKG_VERSION"));
    Ok((info.addr().clone(), handshake))
}

/// A server as the checked settings name it.
pub(crate) struct Target {
    pub(crate) address: ConnectionAddr,
    pub(crate) handshake: RedisConnectionInfo,
    /// A key that a connect tries to write to, without effect.
    pub(crate) probe: String,
    pub(crate) budget: Duration,
    /// Whether the scripts are needed that tell what they do.
    pub(crate) is_telling: bool,
}

impl Target {
    pub(crate) fn response_timeout(&self) -> Duration {
        self.budget * 95 / 100
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.budget * 45 / 100
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("server", &self.address.to_string())
            .field("database", &self.handshake.db())
            .field("budget", &self.budget)
            .finish()
    }
}
