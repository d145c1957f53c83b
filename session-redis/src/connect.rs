use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{Cmd, Value};
use session_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{Failure, refused};
use crate::hello::{Hello, Mode};
use crate::link::Link;
use crate::pipe::{Broken, Pipe};
use crate::reply;
use crate::scripts;
use crate::url::{Address, Credentials};

/// Opens connections of one kind, with one user and one way of encryption.
pub(crate) struct Dialer {
    credentials: Credentials,
    database: i64,
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

/// What a command of the greeting is for.
#[derive(Clone, Copy)]
enum Step {
    Authenticate,
    Hello,
    Select,
    /// Who is connected, for whoever looks at the server. One before 7.2 does not want to know.
    Introduce,
    Time,
    Prepare,
}

impl Dialer {
    pub(crate) fn new(purpose: Purpose, credentials: &Credentials, database: i64, timeout: Duration) -> Self {
        Self {
            credentials: credentials.clone(),
            database,
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
    /// loaded and the server's time taken. One round trip, beside those that TCP and TLS take.
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
        let pipe = match address {
            Address::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.and_then(prepared).map_err(|error| self.unreachable(address, error))?;
                self.secured(address, host, stream).await?
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                Pipe::new(stream.map_err(|error| self.unreachable(address, error))?)
            }
            #[cfg(not(unix))]
            Address::Unix(_) => {
                return Err(Error::new(ErrorKind::Config, "there are no unix sockets on this system"));
            }
        };
        let link = Link::new(address.clone(), pipe, self.timeout);
        self.greet(&link).await?;
        Ok(link)
    }

    #[cfg(feature = "tls")]
    async fn secured(&self, address: &Address, host: &str, stream: TcpStream) -> Result<Pipe> {
        let Some(tls) = &self.tls else { return Ok(Pipe::new(stream)) };
        let name = tokio_rustls::rustls::pki_types::ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| {
            Error::new(ErrorKind::Config, format!("{host} is no name that a certificate could have"))
        })?;
        let stream =
            tls.connect(name, stream).await.map_err(|error| match self.broken_off(address, &error) {
                Some(explained) => explained.with_source(error),
                None => self.unreachable(address, error),
            })?;
        Ok(Pipe::new(stream))
    }

    #[cfg(not(feature = "tls"))]
    async fn secured(&self, _: &Address, _: &str, stream: TcpStream) -> Result<Pipe> {
        Ok(Pipe::new(stream))
    }

    /// Authenticates, asks the server what it is, selects the database, loads the scripts and takes the time.
    async fn greet(&self, link: &Link) -> Result<()> {
        let (steps, commands): (Vec<_>, Vec<_>) = self.greeting().into_iter().unzip();
        let (address, sent) = (link.address(), Instant::now());
        let replies = link.send_all(&commands, sent + self.timeout).await;
        let replies = replies.map_err(|failure| self.greeting_failed(address, failure))?;
        let mut is_refused = false;
        for (step, reply) in steps.into_iter().zip(replies) {
            match (step, reply) {
                // One that has never heard of users is too old, as the next reply tells.
                (Step::Authenticate, Value::ServerError(_)) => is_refused = true,
                (Step::Hello, Value::ServerError(refusal)) if refusal.code() == "NOAUTH" => {
                    return Err(match is_refused {
                        true => self.refuses_us(address),
                        false => self.asks_for_password(address),
                    });
                }
                (Step::Hello, reply) => {
                    self.is_right(&Hello::decode(reply, address)?, address)?;
                    if is_refused {
                        return Err(self.refuses_us(address));
                    }
                }
                (Step::Select, Value::ServerError(_)) => {
                    let text = format!(
                        "the {} at {address} has no database {}, or refuses it",
                        self.purpose, self.database
                    );
                    return Err(Error::new(ErrorKind::Config, text));
                }
                (Step::Introduce, _) => {}
                (_, Value::ServerError(refusal)) => return Err(refused(&refusal)),
                (Step::Time, time) => link.clock().observe(reply::time(Some(&time))?, sent),
                (Step::Authenticate | Step::Select | Step::Prepare, _) => {}
            }
        }
        Ok(())
    }

    /// What is asked of a server at first, all at once.
    fn greeting(&self) -> Vec<(Step, Cmd)> {
        let command = |words: &[&str]| {
            let mut cmd = Cmd::new();
            cmd.arg(words);
            cmd
        };
        let mut greeting = Vec::new();
        match (&self.credentials.user, &self.credentials.password) {
            (Some(user), Some(password)) => {
                greeting.push((Step::Authenticate, command(&["AUTH", user, password])));
            }
            (None, Some(password)) => greeting.push((Step::Authenticate, command(&["AUTH", password]))),
            (_, None) => {}
        }
        greeting.push((Step::Hello, command(&["HELLO"])));
        if self.database != 0 {
            greeting.push((Step::Select, command(&["SELECT", &self.database.to_string()])));
        }
        for (what, value) in [("LIB-NAME", "session-redis"), ("LIB-VER", env!("CARGO_PKG_VERSION"))] {
            greeting.push((Step::Introduce, command(&["CLIENT", "SETINFO", what, value])));
        }
        if !matches!(self.purpose, Purpose::Sentinel) {
            greeting.push((Step::Time, command(&["TIME"])));
            greeting.extend(scripts::all(self.is_telling).map(|script| (Step::Prepare, script.load())));
        }
        // Whether a server by itself lets this user write: removing nothing from nothing is refused by a replica, and
        // changes nothing on a primary. (One of a Cluster refuses keys that are not its own.)
        if let Purpose::Server { probe } = &self.purpose {
            greeting.push((Step::Prepare, command(&["HDEL", probe, "-"])));
        }
        greeting
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

    fn refuses_us(&self, address: &Address) -> Error {
        let text =
            format!("the {} at {address} refuses the user or the password of the store's URL", self.purpose);
        Error::new(ErrorKind::Config, text)
    }

    fn greeting_failed(&self, address: &Address, failure: Failure) -> Error {
        match failure {
            Failure::Broken(Broken::Unreadable) => {
                let text = format!("what listens at {address} is no {}", self.purpose);
                Error::new(ErrorKind::Config, text)
            }
            Failure::Broken(Broken::Io(error)) => match self.broken_off(address, &error) {
                Some(explained) => explained.with_source(error),
                None => self.unreachable(address, error),
            },
            other => other.into(),
        }
    }
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
            .field("database", &self.database)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
