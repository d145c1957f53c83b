use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{
    AsyncConnectionConfig, ErrorKind as DriverErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError,
    Value,
};
use session_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::driver::Driver;
use crate::error::refused;
use crate::hello::{Hello, Mode};
use crate::link::Link;
use crate::reply;
use crate::scripts;
use crate::url::{Address, Credentials};

/// How many commands may wait to be written. With room left, the first poll of an operation hands over its command.
const QUEUE: usize = 4096;

/// Opens connections of one kind, with one user and one way of encryption.
pub(crate) struct Dialer {
    handshake: RedisConnectionInfo,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsConnector>,
    purpose: Purpose,
    timeout: Duration,
    /// Whether the scripts are needed that tell what they do.
    is_telling: bool,
}

/// What a connection is for, and so what its server has to be.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// To keep sessions in: a primary by itself. Holds a key that a connect tries to write to, without effect.
    Server { probe: String },
    /// To keep sessions in: one of a Cluster.
    Member,
    /// To ask for the primary.
    Sentinel,
}

impl Dialer {
    pub(crate) fn new(purpose: Purpose, credentials: &Credentials, database: i64, timeout: Duration) -> Self {
        // One form of every reply.
        let handshake = RedisConnectionInfo::default().set_db(database).set_protocol(ProtocolVersion::RESP2);
        let mut handshake = handshake.set_lib_name("session-redis", env!("CARGO_PKG_VERSION"));
        if let Some(user) = &credentials.user {
            handshake = handshake.set_username(user);
        }
        if let Some(password) = &credentials.password {
            handshake = handshake.set_password(password);
        }
        Self {
            handshake,
            #[cfg(feature = "tls")]
            tls: None,
            purpose,
            timeout,
            is_telling: false,
        }
    }

    pub(crate) fn for_telling(self, is_telling: bool) -> Self {
        Self { is_telling, ..self }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(self, tls: Option<tokio_rustls::TlsConnector>) -> Self {
        Self { tls, ..self }
    }

    /// How long a connect may take, and how long a link may be silent.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A new connection that is known to work: authenticated, to a server of the right kind, with the scripts
    /// loaded and the server's time taken. Three round trips.
    pub(crate) async fn connect(&self, address: &Address) -> Result<Link> {
        match timeout(self.timeout, self.connect_in_time(address)).await {
            Ok(outcome) => outcome,
            Err(elapsed) => {
                let tls = if self.is_encrypted() { ": does it run, and speak TLS at this port?" } else { "" };
                let text = format!("the {} at {address} did not answer in time{tls}", self.purpose);
                Err(Error::new(ErrorKind::Unavailable, text).with_source(elapsed))
            }
        }
    }

    async fn connect_in_time(&self, address: &Address) -> Result<Link> {
        let connected = match address {
            Address::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.and_then(prepared).map_err(|error| self.unreachable(address, error))?;
                self.secured(address, host, stream).await?
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                self.shaken_hands(address, stream.map_err(|error| self.unreachable(address, error))?).await?
            }
            #[cfg(not(unix))]
            Address::Unix(_) => {
                return Err(Error::new(ErrorKind::Config, "there are no unix sockets on this system"));
            }
        };
        let (connection, driver) = connected;
        let link = Link::new(address.clone(), connection, driver, self.timeout);
        self.prepare(&link).await?;
        Ok(link)
    }

    #[cfg(feature = "tls")]
    async fn secured(
        &self,
        address: &Address,
        host: &str,
        stream: TcpStream,
    ) -> Result<(MultiplexedConnection, Driver)> {
        let Some(tls) = &self.tls else { return self.shaken_hands(address, stream).await };
        let name = tokio_rustls::rustls::pki_types::ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| {
            Error::new(ErrorKind::Config, format!("{host} is no name that a certificate could have"))
        })?;
        let stream =
            tls.connect(name, stream).await.map_err(|error| match self.broken_off(address, &error) {
                Some(explained) => explained.with_source(error),
                None => self.unreachable(address, error),
            })?;
        self.shaken_hands(address, stream).await
    }

    #[cfg(not(feature = "tls"))]
    async fn secured(
        &self,
        address: &Address,
        _: &str,
        stream: TcpStream,
    ) -> Result<(MultiplexedConnection, Driver)> {
        self.shaken_hands(address, stream).await
    }

    /// Authenticates and selects the database.
    async fn shaken_hands<S>(&self, address: &Address, stream: S) -> Result<(MultiplexedConnection, Driver)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new().set_pipeline_buffer_size(QUEUE).set_response_timeout(None);
        let connected = MultiplexedConnection::new_with_config(&self.handshake, stream, config).await;
        let (connection, driver) = connected.map_err(|error| self.handshake_failed(address, error))?;
        Ok((connection, Driver::spawn(driver)))
    }

    /// Asks the server what it is, loads the scripts and takes the time.
    ///
    /// And tries whether a server by itself lets this user write: removing nothing from nothing is refused by a
    /// replica, and changes nothing on a primary. (One of a Cluster refuses keys that are not its own.)
    async fn prepare(&self, link: &Link) -> Result<()> {
        let mut commands = redis::pipe();
        commands.cmd("HELLO");
        if !matches!(self.purpose, Purpose::Sentinel) {
            commands.cmd("TIME");
            for script in scripts::all(self.is_telling) {
                commands.add_command(script.load());
            }
        }
        if let Purpose::Server { probe } = &self.purpose {
            commands.cmd("HDEL").arg(probe).arg("-");
        }
        let sent = Instant::now();
        let replies = link.send_all(&commands).await;
        let replies = replies.map_err(|error| self.handshake_failed(link.address(), error))?;
        let mut replies = replies.into_iter();
        let hello = match replies.next().unwrap_or_default() {
            Value::ServerError(refusal) if refusal.code() == "NOAUTH" => {
                return Err(self.asks_for_password(link.address()));
            }
            hello => Hello::decode(hello, link.address())?,
        };
        self.is_right(&hello, link.address())?;
        let rest: Vec<Value> = replies.collect();
        for reply in &rest {
            if let Value::ServerError(refusal) = reply {
                return Err(refused(refusal));
            }
        }
        if let Some(time) = rest.first() {
            link.clock().observe(reply::time(Some(time))?, sent);
        }
        Ok(())
    }

    /// Whether the server is what the URL says.
    fn is_right(&self, hello: &Hello, address: &Address) -> Result<()> {
        let advice = match (&self.purpose, hello.mode) {
            (Purpose::Server { .. }, Mode::Standalone) if hello.is_replica => {
                let text = format!(
                    "the Redis server at {address} is a read-only replica: point the store's URL at the primary"
                );
                return Err(Error::new(ErrorKind::ReadOnly, text));
            }
            (Purpose::Server { .. }, Mode::Standalone)
            | (Purpose::Member, Mode::Cluster)
            | (Purpose::Sentinel, Mode::Sentinel) => return Ok(()),
            (_, Mode::Cluster) => "is part of a Cluster: write redis+cluster:// into the store's URL",
            (_, Mode::Sentinel) => {
                "is a Sentinel: write redis+sentinel://host:port/service into the store's URL"
            }
            (Purpose::Sentinel, Mode::Standalone) => {
                "is no Sentinel: name the Sentinels in the store's URL (port 26379, as a rule), or write redis://"
            }
            (_, Mode::Standalone) => "is not part of a Cluster: write redis:// into the store's URL",
        };
        Err(Error::new(ErrorKind::Config, format!("the Redis server at {address} {advice}")))
    }

    fn unreachable(
        &self,
        address: &Address,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        let text = format!(
            "cannot reach the {} at {address}: does it run, and is the store's URL right?",
            self.purpose
        );
        Error::new(ErrorKind::Unavailable, text).with_source(source)
    }

    /// Why the stream ended before the server had said anything, where more can be said than that it is unreachable.
    fn broken_off(&self, address: &Address, error: &io::Error) -> Option<Error> {
        #[cfg(feature = "tls")]
        if let Some(advice) = crate::tls::advice(error) {
            let text = format!("no secure connection to the {} at {address}: {advice}", self.purpose);
            return Some(Error::new(ErrorKind::Config, text));
        }
        let is_closed = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        );
        if self.is_encrypted() || !is_closed {
            return None;
        }
        let text = format!(
            "the {} at {address} has closed the connection at once: does it speak TLS (rediss://)?",
            self.purpose
        );
        Some(Error::new(ErrorKind::Unavailable, text))
    }

    #[cfg(feature = "tls")]
    fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn is_encrypted(&self) -> bool {
        false
    }

    /// The error of a connect to an address that the store's URL does not name, but somebody whom it names.
    pub(crate) fn named_by_others(&self, error: Error) -> Error {
        // What a server has said itself is not about the way to it.
        if error.source().is_none() {
            return error;
        }
        let (who, for_tls) = match self.purpose {
            Purpose::Member => (
                "the Cluster",
                "`tls-cluster yes` makes it name ports for TLS, `cluster-announce-hostname` and \
                 `cluster-preferred-endpoint-type hostname` what a certificate does",
            ),
            Purpose::Server { .. } | Purpose::Sentinel => (
                "the Sentinels",
                "`tls-replication yes` makes them name ports for TLS, `sentinel announce-hostnames yes` what a \
                 certificate does",
            ),
        };
        let for_tls = if self.is_encrypted() { format!(" ({for_tls})") } else { String::new() };
        let text = format!("{error}; it is {who} that named this address{for_tls}");
        Error::new(error.kind(), text).with_source(error)
    }

    fn asks_for_password(&self, address: &Address) -> Error {
        let place = match self.purpose {
            Purpose::Server { .. } | Purpose::Member => "",
            Purpose::Sentinel => " as its sentinel_password",
        };
        let text = format!(
            "the {} at {address} asks for a password: put it into the store's URL{place}",
            self.purpose
        );
        Error::new(ErrorKind::Config, text)
    }

    fn handshake_failed(&self, address: &Address, error: RedisError) -> Error {
        let Self { handshake, purpose, .. } = self;
        let text = match error.kind() {
            DriverErrorKind::AuthenticationFailed => {
                format!("the {purpose} at {address} refuses the user or the password of the store's URL")
            }
            DriverErrorKind::Io => {
                return match io_error(&error).and_then(|io| self.broken_off(address, io)) {
                    Some(explained) => explained.with_source(error),
                    None => self.unreachable(address, error),
                };
            }
            DriverErrorKind::Parse => format!("what listens at {address} is no {purpose}"),
            _ if error.detail().is_some_and(|words| words.contains("Authentication required")) => {
                return self.asks_for_password(address);
            }
            _ => format!("the {purpose} at {address} has no database {}, or refuses it", handshake.db()),
        };
        // Without the source: a server repeats the arguments of a command that it does not know.
        Error::new(ErrorKind::Config, text)
    }
}

fn io_error(error: &RedisError) -> Option<&io::Error> {
    error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?.downcast_ref()
}

/// An idle connection is not forgotten by what lies between.
///
/// Nagle's algorithm stays on: what is sent while an answer is on its way leaves together with it. That costs a
/// command a round trip at most, and only under load; there it saves the server half of its work.
fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Who is at the other end.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server { .. } | Self::Member => "Redis server",
            Self::Sentinel => "Redis Sentinel",
        })
    }
}

/// Without user and password.
impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("purpose", &self.purpose)
            .field("database", &self.handshake.db())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
