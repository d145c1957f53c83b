use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{AsyncConnectionConfig, ConnectionAddr, ErrorKind as DriverErrorKind, RedisError, Value};
use session_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::clock::StoreClock;
use crate::config::Target;
use crate::error::refused;
use crate::link::Link;
use crate::reply;
use crate::scripts;

/// How many commands may wait to be written. With room left, the first poll of an operation hands over its command.
const QUEUE: usize = 4096;

impl Target {
    /// A new connection that is known to work: authenticated, writable, with the scripts loaded and the server's
    /// time taken. Three round trips.
    pub(crate) async fn connect(&self, clock: &StoreClock) -> Result<Link> {
        match timeout(self.connect_timeout(), self.connect_in_time(clock)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(
                ErrorKind::Unavailable,
                format!("the Redis server at {} did not answer in time", self.address),
            )),
        }
    }

    async fn connect_in_time(&self, clock: &StoreClock) -> Result<Link> {
        let (connection, driver) = match &self.address {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.and_then(prepared).map_err(|error| self.unreachable(error))?;
                self.shaken_hands(stream).await?
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await;
                self.shaken_hands(stream.map_err(|error| self.unreachable(error))?).await?
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "the store URL names no address that can be reached",
                ));
            }
        };
        let link = Link::new(connection, driver, self.connect_timeout());
        self.prepare(&link, clock).await?;
        Ok(link)
    }

    /// Authenticates and selects the database.
    async fn shaken_hands<S>(&self, stream: S) -> Result<(MultiplexedConnection, AbortHandle)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = AsyncConnectionConfig::new().set_pipeline_buffer_size(QUEUE).set_response_timeout(None);
        let connected = MultiplexedConnection::new_with_config(&self.handshake, stream, config).await;
        let (connection, driver) = connected.map_err(|error| self.handshake_failed(&error))?;
        Ok((connection, tokio::spawn(driver).abort_handle()))
    }

    /// Loads the scripts, takes the time, and tries whether the server lets this user write: removing nothing
    /// from nothing is refused by a replica, and changes nothing on a primary.
    async fn prepare(&self, link: &Link, clock: &StoreClock) -> Result<()> {
        let mut commands = redis::pipe();
        commands.cmd("HDEL").arg(&self.probe).arg("-").cmd("TIME");
        for script in scripts::all(self.is_telling) {
            commands.add_command(script.load());
        }
        let sent = Instant::now();
        let replies = link.send_all(&commands).await.map_err(|error| self.unreachable(error))?;
        for reply in &replies {
            if let Value::ServerError(refusal) = reply {
                return Err(refused(refusal));
            }
        }
        clock.observe(reply::time(replies.get(1))?, sent);
        Ok(())
    }

    fn unreachable(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        let text = format!(
            "cannot reach the Redis server at {}: does it run, and is the store's URL right?",
            self.address
        );
        Error::new(ErrorKind::Unavailable, text).with_source(source)
    }

    fn handshake_failed(&self, error: &RedisError) -> Error {
        let Self { address, handshake, .. } = self;
        let text = match error.kind() {
            DriverErrorKind::AuthenticationFailed => {
                format!("the Redis server at {address} refuses the user or the password of the store's URL")
            }
            DriverErrorKind::Io => return self.unreachable(error.clone()),
            DriverErrorKind::Parse => format!("what listens at {address} is no Redis server"),
            _ if error.detail().is_some_and(|words| words.contains("Authentication required")) => {
                format!("the Redis server at {address} asks for a password: put it into the store's URL")
            }
            _ => format!("the Redis server at {address} has no database {}, or refuses it", handshake.db()),
        };
        // Without the source: a server repeats the arguments of a command that it does not know.
        Error::new(ErrorKind::Config, text)
    }
}

/// An idle connection is not forgotten by what lies between.
///
/// Nagle's algorithm stays on: what is sent while an answer is on its way leaves together with it. That costs a
/// command a round trip at most, and only under load; there it saves the server half of its work.
fn prepared(stream: TcpStream) -> std::io::Result<TcpStream> {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
