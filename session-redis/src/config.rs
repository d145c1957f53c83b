use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use session_core::{Error, ErrorKind, EventSettings, Result, budget_mistake, namespace_mistake};

use crate::RedisStore;
use crate::connect::{Dialer, Purpose};
use crate::keys::Keys;
use crate::settings::{Durability, Settings};
#[cfg(feature = "tls")]
use crate::tls::{self, Certificates};
use crate::url::{Credentials, Servers, StoreUrl};

/// Settings of a [`RedisStore`].
///
/// ```no_run
/// # async fn start() -> session_core::Result<()> {
/// use std::time::Duration;
/// use session_redis::{Durability, RedisStore};
///
/// let store = RedisStore::builder("redis+sentinel://shop:secret@s1.internal,s2.internal,s3.internal/sessions")
///     .namespace("shop")
///     .budget(Duration::from_secs(1))
///     .durability(Durability::Replicated)
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
    connect_timeout: Option<Duration>,
    response_timeout: Option<Duration>,
    connections: Option<usize>,
    retry: bool,
    durability: Option<Durability>,
    sentinel: Option<Credentials>,
    #[cfg(feature = "tls")]
    certificates: Certificates,
}

const DEFAULT_NAMESPACE: &str = "session";
const DEFAULT_BUDGET: Duration = Duration::from_secs(2);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

impl RedisStoreBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            budget: DEFAULT_BUDGET,
            events: None,
            connect_timeout: None,
            response_timeout: None,
            connections: None,
            retry: true,
            durability: None,
            sentinel: None,
            #[cfg(feature = "tls")]
            certificates: Certificates::default(),
        }
    }

    /// What the keys begin with: sessions lie under `<namespace>:sessions:<handle>`. Default `session`.
    ///
    /// Applications that share a server and should not share sessions need different ones; the session layer has
    /// to be given the same one, because the digest of an id depends on it.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// How long an operation may take, at most: 10 ms to an hour. Default two seconds.
    ///
    /// The other times follow from it, so that a connect, another one a moment later and what is left for the command
    /// fit into one budget.
    #[must_use]
    pub fn budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// Tells what happens to sessions; not, when nothing is said.
    ///
    /// It costs four more commands where a session begins or is ended, three where it is rotated, one where it gets another
    /// timeout, and some hundred bytes of the server's memory for each session and each event. Reading, writing and
    /// touching cost what they do without. Somebody has to [sweep](session_core::Sweep::sweep): the facade does. While no
    /// node is up, what ends is kept to be told for a day.
    ///
    /// What a failover undoes may not be told. All nodes that share a namespace are to have the same settings: one
    /// without events ends sessions without a word, and may use one that has expired and is not swept yet. The end of a
    /// session that began without events is told if it is ended, and not if it expires.
    #[must_use]
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }
    }

    /// How long a connect may take, with all that is asked on a new connection; and how long a connection may owe
    /// answers and give none before it is replaced: an hour at most. Default 45 % of the budget (0.9 s).
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: Some(timeout), ..self }
    }

    /// How long an answer is awaited: an hour at most. Default 95 % of the budget (1.9 s), which nothing exceeds.
    #[must_use]
    pub fn response_timeout(self, timeout: Duration) -> Self {
        Self { response_timeout: Some(timeout), ..self }
    }

    /// How many connections this process opens to each server. Default one, which all operations share: more of them
    /// help where a network limits what one may carry, and cost a server some of its work.
    ///
    /// In the URL: `?connections=2`.
    #[must_use]
    pub fn connections(self, connections: usize) -> Self {
        Self { connections: Some(connections), ..self }
    }

    /// Whether an operation whose connection has broken off is sent once more, if the store contract allows that.
    /// Default yes. (What a server has refused without carrying it out is another matter: it may always be sent
    /// again.)
    #[must_use]
    pub fn retry(self, retry: bool) -> Self {
        Self { retry, ..self }
    }

    /// When ending and rotating a session and taking an attribute is done. Default [`Durability::Primary`].
    ///
    /// In the URL: `?durability=replicated`.
    #[must_use]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability: Some(durability), ..self }
    }

    /// As whom to ask the Sentinels. Default without a password; user and password of the URL are the servers' own.
    ///
    /// In the URL: `?sentinel_user=…&sentinel_password=…`.
    #[must_use]
    pub fn sentinel_credentials(self, user: Option<&str>, password: impl Into<String>) -> Self {
        let user = user.map(str::to_owned);
        Self { sentinel: Some(Credentials { user, password: Some(password.into()) }), ..self }
    }

    /// The certificate authorities to trust in place of those that the system trusts: PEM.
    ///
    /// In the URL: `?cacert=/path/to/ca.pem`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.ca = Some(pem.into());
        self
    }

    /// The certificate to present, with those between it and its authority, and its key: PEM.
    ///
    /// In the URL: `?cert=/path/to/cert.pem&key=/path/to/key.pem`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_certificate(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.client = Some(chain_pem.into());
        self.certificates.client_key = Some(key_pem.into());
        self
    }

    /// Connects, checks that the server can keep sessions, and loads the scripts. Needs a tokio runtime.
    ///
    /// With the feature `tracing` it warns of a server that evicts sessions when its memory is full.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Config`]: the URL or another setting is wrong, or the server refuses the password, the database or
    ///   a command that sessions need, is of another kind than the URL says, or too old.
    /// - [`ErrorKind::Unavailable`]: there is no server, or it does not answer.
    /// - [`ErrorKind::ReadOnly`]: the server is a replica.
    pub async fn connect(self) -> Result<RedisStore> {
        let (keys, events) = (Keys::new(&self.namespace), self.events.clone());
        RedisStore::open(self.checked()?, keys, events).await
    }

    /// All that can be known to be wrong without a server, at once.
    fn checked(mut self) -> Result<Target> {
        let mut mistakes = Vec::new();
        mistakes.extend(namespace_mistake(&self.namespace).map(str::to_owned));
        mistakes.extend(budget_mistake(self.budget).map(str::to_owned));
        let url = StoreUrl::parse(&self.url).map_err(|mistake| mistakes.push(mistake)).ok();
        for (name, value) in url.iter().flat_map(|url| &url.settings) {
            if let Err(mistake) = self.set(name, value) {
                mistakes.push(format!("{name} in the store URL: {mistake}"));
            }
        }
        let connections = NonZeroUsize::new(self.connections.unwrap_or(1));
        if connections.is_none() {
            mistakes.push("there must be at least one connection".to_owned());
        }
        let is_timeout = |timeout: Duration| !timeout.is_zero() && timeout <= LONGEST_TIMEOUT;
        if ![self.connect_timeout, self.response_timeout].into_iter().flatten().all(is_timeout) {
            mistakes.push("a timeout must be longer than nothing, and an hour at most".to_owned());
        }
        #[cfg(feature = "tls")]
        let connector = match url.as_ref().filter(|url| url.tls) {
            Some(_) => self.certificates.connector().map_err(|mistake| mistakes.push(mistake)).ok(),
            None => None,
        };
        #[cfg(not(feature = "tls"))]
        if url.as_ref().is_some_and(|url| url.tls) {
            mistakes
                .push("the store URL asks for TLS: turn on the feature `tls` of session-redis".to_owned());
        }
        let (Some(url), Some(connections), []) = (url, connections, &mistakes[..]) else {
            return Err(Error::new(ErrorKind::Config, mistakes.join("; ")));
        };
        let settings = Settings {
            budget: self.budget,
            connect_timeout: self.connect_timeout.unwrap_or(self.budget * 45 / 100),
            response_timeout: self.response_timeout.unwrap_or(self.budget * 95 / 100),
            connections,
            retry: self.retry,
            durability: self.durability.unwrap_or_default(),
        };
        let dialer = |purpose, credentials: &Credentials, database| {
            let dialer = Dialer::new(purpose, credentials, database, settings.connect_timeout);
            let dialer = dialer.for_telling(self.events.is_some());
            #[cfg(feature = "tls")]
            let dialer = dialer.with_tls(connector.clone());
            Arc::new(dialer)
        };
        let purpose = match url.servers {
            Servers::Cluster(_) => Purpose::Member,
            Servers::One(_) | Servers::Sentinels { .. } => {
                Purpose::Server { probe: Keys::new(&self.namespace).nothing() }
            }
        };
        Ok(Target {
            dialer: dialer(purpose, &url.credentials, url.database),
            to_sentinels: dialer(Purpose::Sentinel, &self.sentinel.unwrap_or_default(), 0),
            servers: url.servers,
            settings,
        })
    }

    /// A setting in the URL. What was said to the builder counts more.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "connections" => {
                let connections = value.parse().map_err(|_| "it is no number".to_owned())?;
                self.connections.get_or_insert(connections);
            }
            "durability" => {
                let durability = match value {
                    "primary" => Durability::Primary,
                    "replicated" => Durability::Replicated,
                    _ => return Err("it is `primary` or `replicated`".to_owned()),
                };
                self.durability.get_or_insert(durability);
            }
            "sentinel_user" => {
                self.sentinel.get_or_insert_default().user.get_or_insert(value.to_owned());
            }
            "sentinel_password" => {
                self.sentinel.get_or_insert_default().password.get_or_insert(value.to_owned());
            }
            #[cfg(feature = "tls")]
            "cacert" | "cert" | "key" => {
                let pem = match name {
                    "cacert" => &mut self.certificates.ca,
                    "cert" => &mut self.certificates.client,
                    _ => &mut self.certificates.client_key,
                };
                if pem.is_none() {
                    *pem = Some(tls::read(value)?);
                }
            }
            #[cfg(not(feature = "tls"))]
            "cacert" | "cert" | "key" => return Err("turn on the feature `tls` of session-redis".to_owned()),
            _ => return Err("there is no such setting".to_owned()),
        }
        Ok(())
    }
}

/// No password is in it.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = StoreUrl::parse(&self.url).map(|url| url.servers.to_string());
        f.debug_struct("RedisStoreBuilder")
            .field("servers", &format_args!("{}", servers.as_deref().unwrap_or("?")))
            .field("namespace", &self.namespace)
            .field("budget", &self.budget)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("connections", &self.connections)
            .field("retry", &self.retry)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// The servers, and how to come to them, as the checked settings say.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) servers: Servers,
    pub(crate) settings: Settings,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) to_sentinels: Arc<Dialer>,
}
