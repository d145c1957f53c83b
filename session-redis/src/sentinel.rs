use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use redis::Value;
use session_core::{Error, ErrorKind, Result};
use tokio::time::{sleep, timeout_at};

use crate::connect::Dialer;
use crate::error::{timeout, unexpected_reply};
use crate::line::{Line, Way};
use crate::link::Link;
use crate::node::Node;
use crate::url::{Address, listed};

/// The Sentinels of one service: they know which server is the primary.
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    lines: Vec<Arc<Line>>,
    service: String,
    patience: Duration,
}

/// How long to wait for the other Sentinels when one has answered.
const MOMENT: Duration = Duration::from_millis(100);

/// How often they are asked whether the primary is still the same.
const WATCH: Duration = Duration::from_millis(500);

impl Sentinels {
    pub(crate) fn new(dialer: &Arc<Dialer>, addresses: Vec<Address>, service: String) -> Self {
        let line = |address: &Address| Line::new(Arc::clone(dialer), Way::To(address.clone()));
        let lines = addresses.iter().map(line).collect();
        Self { addresses, lines, service, patience: dialer.timeout() / 2 }
    }

    /// A connection to the primary: to the server that most Sentinels name, if it says so itself.
    ///
    /// For a moment after a failover not all of them have heard of it. So the others that they name are tried, too,
    /// each a little later.
    pub(crate) fn connect<'a>(&'a self, dialer: &'a Dialer) -> BoxFuture<'a, Result<Link>> {
        Box::pin(async move {
            let named = self.named().await?;
            let mut connecting: FuturesUnordered<_> = (0..)
                .zip(&named)
                .map(|(place, address)| async move {
                    sleep(2 * MOMENT * place).await;
                    dialer.connect(address).await.map_err(|error| dialer.named_by_others(error))
                })
                .collect();
            let mut failed = None;
            while let Some(outcome) = connecting.next().await {
                match outcome {
                    Ok(link) => return Ok(link),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            Err(failed.unwrap_or_else(timeout))
        })
    }

    /// What the Sentinels name as the primary, what most of them name first.
    async fn named(&self) -> Result<Vec<Address>> {
        let mut deadline = Instant::now() + self.patience;
        let mut answers: FuturesUnordered<_> =
            self.lines.iter().map(|line| self.ask(line, deadline)).collect();
        let mut votes: Vec<(Address, usize)> = Vec::new();
        let mut unknown = None;
        let mut failed = None;
        while let Ok(Some(answer)) = timeout_at(deadline.into(), answers.next()).await {
            match answer {
                Ok(Some(address)) => {
                    deadline = deadline.min(Instant::now() + MOMENT);
                    match votes.iter_mut().find(|(known, _)| *known == address) {
                        Some((_, votes)) => *votes += 1,
                        None => votes.push((address, 1)),
                    }
                }
                Ok(None) => unknown = Some(self.unknown()),
                Err(error) if error.kind() == ErrorKind::Config => unknown = Some(error),
                Err(error) => failed = Some(error),
            }
            if votes.iter().any(|(_, votes)| *votes * 2 > self.lines.len()) {
                break;
            }
        }
        votes.sort_by_key(|(_, votes)| std::cmp::Reverse(*votes));
        if votes.is_empty() {
            return Err(unknown.unwrap_or_else(|| self.unreachable(failed)));
        }
        Ok(votes.into_iter().map(|(address, _)| address).collect())
    }

    async fn ask(&self, line: &Arc<Line>, deadline: Instant) -> Result<Option<Address>> {
        let link = line.link(deadline).await?;
        let mut cmd = redis::cmd("SENTINEL");
        cmd.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let value = link.send(&cmd, Instant::now(), deadline).await;
        let parts = match value.inspect_err(|_| link.retire())? {
            Value::Nil => return Ok(None),
            Value::Array(parts) => parts,
            _ => return Err(unexpected_reply("a Sentinel answered with no address")),
        };
        let mut parts = parts.into_iter().map(redis::from_redis_value::<String>);
        match (parts.next(), parts.next()) {
            (Some(Ok(host)), Some(Ok(port))) => {
                let port = port.parse().map_err(|_| unexpected_reply("a Sentinel answered with no port"))?;
                Ok(Some(Address::Tcp(host, port)))
            }
            _ => Err(unexpected_reply("a Sentinel answered with no address")),
        }
    }

    fn unknown(&self) -> Error {
        let Self { service, addresses, .. } = self;
        let text = format!(
            "the Sentinels {} monitor nothing under the name {service}: name the service in the store's URL as their \
             `sentinel monitor` does",
            listed(addresses)
        );
        Error::new(ErrorKind::Config, text)
    }

    fn unreachable(&self, why: Option<Error>) -> Error {
        let text = format!(
            "none of the Sentinels {} answers: do they run, and is the store's URL right?",
            listed(&self.addresses)
        );
        let error = Error::new(ErrorKind::Unavailable, text);
        match why {
            Some(why) => error.with_source(why),
            None => error,
        }
    }

    /// Gives up the links to a server that the Sentinels do not name any longer, as long as there is a node.
    ///
    /// A primary that was only cut off or halted does not know of the failover when it is back, and goes on to answer
    /// for some seconds; nothing but the Sentinels tells.
    pub(crate) async fn watch(self: Arc<Self>, node: Weak<Node>) {
        loop {
            sleep(WATCH).await;
            let named = self.named().await;
            let Some(node) = node.upgrade() else { return };
            if let Ok([address, ..]) = named.as_deref() {
                node.all().for_each(|line| line.leads_to(address));
            }
        }
    }
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by the Sentinels {}", self.service, listed(&self.addresses))
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels")
            .field("addresses", &self.addresses)
            .field("service", &self.service)
            .finish()
    }
}
