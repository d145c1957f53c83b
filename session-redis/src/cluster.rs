//! The way to the server that has a key, in a Redis Cluster.
//!
//! Not redis-rs' cluster client: it counts redirections and broken connections against one number of retries. So it
//! either sends again what must not be sent twice, or does not follow `MOVED`. It also hands every command through one
//! task, and knows nothing of connections that have fallen silent. What is needed here is little: each operation has
//! one key, and what is beneath it (lines that come back by themselves) is there already.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{Either, select, try_join_all};
use futures_util::stream::FuturesUnordered;
use redis::Value;
use session_core::{Error, ErrorKind, Result};
use tokio::time::{sleep, timeout_at};

use crate::connect::Dialer;
use crate::error::{Failure, timeout};
use crate::line::{Way, a_moment};
use crate::link::Link;
use crate::node::Node;
use crate::settings::Settings;
use crate::shared::{Shared, Work, outcome};
use crate::slots::{Range, Slots, ranges, redirected};
use crate::url::Address;

#[derive(Debug)]
pub(crate) struct Cluster {
    dialer: Arc<Dialer>,
    settings: Settings,
    seeds: Vec<Address>,
    slots: RwLock<Arc<Slots>>,
    survey: Shared<()>,
}

/// How long to wait for the other servers when one has answered.
const MOMENT: Duration = Duration::from_millis(100);

impl Cluster {
    pub(crate) fn new(dialer: Arc<Dialer>, settings: Settings, seeds: Vec<Address>) -> Arc<Self> {
        Arc::new(Self { dialer, settings, seeds, slots: RwLock::default(), survey: Shared::new() })
    }

    /// Asks who has what, and connects to all that have something.
    pub(crate) async fn open(&self) -> Result<()> {
        self.look_around().await?;
        let slots = self.slots();
        let opening = slots.nodes().iter().map(async |(address, node)| {
            let opened = node.open().await;
            let is_ours = self.seeds.contains(address);
            opened.map_err(|error| if is_ours { error } else { self.dialer.named_by_others(error) })
        });
        try_join_all(opening).await?;
        Ok(())
    }

    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.slots().nodes().values().map(Arc::clone).collect()
    }

    /// A link to the owner of the slot, if nothing has to be waited for.
    pub(crate) fn usable(&self, slot: u16, durable: bool, now: Instant) -> Option<Arc<Link>> {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.owner(slot)?.line(durable).usable(now)
    }

    /// A link to the owner of the slot. While that cannot be reached, somebody else may be taking its place: the
    /// cluster is asked again and again, until the deadline.
    pub(crate) async fn link(
        self: &Arc<Self>,
        slot: u16,
        durable: bool,
        deadline: Instant,
    ) -> Result<Arc<Link>> {
        let mut failed = None;
        while Instant::now() < deadline {
            let owner = self.slots().owner(slot).map(Arc::clone);
            if let Some(owner) = owner {
                let connecting = Box::pin(owner.line(durable).link(deadline));
                match select(connecting, Box::pin(self.replaced(slot, &owner, deadline))).await {
                    Either::Left((Ok(link), _)) => return Ok(link),
                    Either::Left((Err(error), _)) => failed = Some(error),
                    Either::Right(_) => continue,
                }
            }
            self.look_again(deadline).await;
        }
        Err(failed.unwrap_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "no server of the Redis Cluster has the slots of some sessions now",
            )
        }))
    }

    /// A link to the server that somebody has named, known before or not: what is known of the cluster is out of date.
    pub(crate) async fn redirected(
        self: &Arc<Self>,
        to: &str,
        by: &Link,
        durable: bool,
        deadline: Instant,
    ) -> Result<Arc<Link>> {
        self.look_soon();
        let address = redirected(to, by.address()).ok_or_else(|| {
            Error::new(ErrorKind::Protocol, "a server of the Redis Cluster named another one that is none")
        })?;
        let node = self.slots().node(&address).map_or_else(|| self.node(&address), Arc::clone);
        node.line(durable).link(deadline).await
    }

    /// Waits a moment, and asks who has what.
    pub(crate) async fn look_again(self: &Arc<Self>, deadline: Instant) {
        let _ = timeout_at(deadline.into(), sleep(a_moment())).await;
        let _ = outcome(self.looking(), deadline).await;
    }

    /// Sees to it that the cluster is asked, without waiting for what it says.
    pub(crate) fn look_soon(self: &Arc<Self>) {
        drop(self.looking());
    }

    /// Returns when the slot has another owner.
    async fn replaced(self: &Arc<Self>, slot: u16, owner: &Arc<Node>, deadline: Instant) {
        while self.slots().owner(slot).is_none_or(|now| Arc::ptr_eq(now, owner)) {
            self.look_again(deadline).await;
            if Instant::now() >= deadline {
                return;
            }
        }
    }

    fn looking(self: &Arc<Self>) -> Work<()> {
        self.survey.join(
            || None,
            || {
                let this = Arc::clone(self);
                async move { this.look_around().await }
            },
        )
    }

    /// Asks all servers that there are links to; if none of them answers, all that were ever named.
    async fn look_around(&self) -> Result<()> {
        let slots = self.slots();
        let now = Instant::now();
        let links = slots.nodes().values().filter_map(|node| node.usable(now));
        let asked = newest(links.map(|link| async move { self.ask(&link).await }).collect()).await;
        let ranges = match asked {
            Ok(ranges) => ranges,
            Err(_) => {
                let addresses = self.seeds.iter().chain(slots.nodes().keys());
                let dial = |address| async move { self.ask(&self.dialer.connect(address).await?).await };
                newest(addresses.map(dial).collect()).await?
            }
        };
        let slots = Slots::new(ranges, &slots, |address| self.node(address));
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(slots);
        Ok(())
    }

    async fn ask(&self, link: &Link) -> Result<Survey> {
        let commands = ["SLOTS", "INFO"].map(|what| {
            let mut cmd = redis::cmd("CLUSTER");
            cmd.arg(what);
            cmd
        });
        let mut replies = link.send_all(&commands, Instant::now() + self.dialer.timeout()).await?.into_iter();
        let mut reply = || match replies.next().unwrap_or_default() {
            Value::ServerError(refusal) => Err(Error::from(Failure::Refused(refusal))),
            value => Ok(value),
        };
        let (slots, info) = (reply()?, reply()?);
        let info: String = redis::from_redis_value(info).unwrap_or_default();
        let line = |label| info.lines().find_map(|line| line.strip_prefix(label));
        Ok(Survey {
            works: line("cluster_state:") == Some("ok"),
            epoch: line("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok()).unwrap_or(0),
            ranges: ranges(slots, link.address())?,
        })
    }

    fn node(&self, address: &Address) -> Arc<Node> {
        Arc::new(Node::new(&self.dialer, &Way::To(address.clone()), &self.settings))
    }

    fn slots(&self) -> Arc<Slots> {
        Arc::clone(&self.slots.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one server knows of the cluster.
struct Survey {
    /// It is not cut off from most of the others.
    works: bool,
    /// Higher after each failover.
    epoch: u64,
    ranges: Vec<Range>,
}

/// What the server says that knows the most: one that was cut off has missed a failover.
async fn newest(mut asked: FuturesUnordered<impl Future<Output = Result<Survey>>>) -> Result<Vec<Range>> {
    let mut newest: Option<Survey> = None;
    let mut failed: Option<Error> = None;
    let mut until = None;
    loop {
        let answer = match until {
            None => asked.next().await,
            Some(until) => timeout_at(until, asked.next()).await.unwrap_or(None),
        };
        match answer {
            None => break,
            Some(Err(error)) => {
                // What is wrong with the settings tells more than that a server is down.
                if failed.as_ref().is_none_or(|failed| failed.kind() != ErrorKind::Config) {
                    failed = Some(error);
                }
            }
            Some(Ok(survey)) => {
                until.get_or_insert_with(|| tokio::time::Instant::now() + MOMENT);
                let rank = |survey: &Survey| (survey.works, survey.epoch);
                if newest.as_ref().is_none_or(|newest| rank(newest) < rank(&survey)) {
                    newest = Some(survey);
                }
            }
        }
    }
    match (newest, failed) {
        (Some(survey), _) => Ok(survey.ranges),
        (None, Some(error)) => Err(error),
        (None, None) => Err(timeout()),
    }
}
