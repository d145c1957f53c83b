use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use session_core::{OsRandom, Random as _, Result};
use tokio::time::sleep_until;

use crate::connect::Dialer;
use crate::link::Link;
use crate::sentinel::Sentinels;
use crate::shared::{Shared, Work, outcome};
use crate::url::Address;

/// A connection that comes back by itself.
///
/// Whoever finds it broken waits for the reconnect, which all share; nothing runs while nobody asks.
#[derive(Debug)]
pub(crate) struct Line {
    dialer: Arc<Dialer>,
    way: Way,
    link: RwLock<Option<Arc<Link>>>,
    reconnect: Shared<Arc<Link>>,
}

/// How to find the server at the other end, each time anew.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    To(Address),
    /// To whichever server the Sentinels name now.
    Named(Arc<Sentinels>),
}

impl Line {
    pub(crate) fn new(dialer: Arc<Dialer>, way: Way) -> Arc<Self> {
        Arc::new(Self { dialer, way, link: RwLock::new(None), reconnect: Shared::new() })
    }

    /// Connects at once, and once: what is wrong with the settings shows here.
    pub(crate) async fn open(&self) -> Result<Arc<Link>> {
        let link = self.connect().await?;
        self.keep(&link);
        Ok(link)
    }

    pub(crate) fn usable(&self, now: Instant) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| link.is_usable(now)).map(Arc::clone)
    }

    /// The link, or the next one when it is there before the deadline.
    pub(crate) async fn link(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>> {
        outcome(self.reconnecting(), deadline).await
    }

    /// Joins the reconnect that is under way, or begins one.
    pub(crate) fn reconnecting(self: &Arc<Self>) -> Work<Arc<Link>> {
        let usable = || self.usable(Instant::now());
        self.reconnect.join(usable, || {
            let this = Arc::clone(self);
            async move {
                let link = this.reconnect().await?;
                this.keep(&link);
                Ok(link)
            }
        })
    }

    /// Gives up the link unless it leads to this server.
    pub(crate) fn leads_to(&self, address: &Address) {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = link.as_ref().filter(|link| link.address() != address) {
            link.retire();
        }
    }

    /// One try and another one, begun a moment apart at least: both fit into an operation's budget.
    async fn reconnect(&self) -> Result<Arc<Link>> {
        #[cfg(feature = "tracing")]
        tracing::warn!(server = %self.way, "no connection to the Redis server, connecting");
        let second = Instant::now() + a_moment();
        let link = match self.connect().await {
            Ok(link) => Ok(link),
            Err(_) => {
                sleep_until(second.into()).await;
                self.connect().await
            }
        };
        #[cfg(feature = "tracing")]
        match &link {
            Ok(link) => tracing::info!(server = %link.address(), "connected to the Redis server"),
            Err(error) => tracing::warn!(server = %self.way, %error, "did not connect to the Redis server"),
        }
        link
    }

    async fn connect(&self) -> Result<Arc<Link>> {
        let link = match &self.way {
            Way::To(address) => self.dialer.connect(address).await?,
            Way::Named(sentinels) => sentinels.connect(&self.dialer).await?,
        };
        Ok(Arc::new(link))
    }

    fn keep(&self, link: &Arc<Link>) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(link));
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(address) => write!(f, "{address}"),
            Self::Named(sentinels) => write!(f, "{sentinels}"),
        }
    }
}

/// 50 to 100 ms, so that the nodes of a server that comes back do not all arrive at once.
pub(crate) fn a_moment() -> Duration {
    let mut byte = [0];
    let part = OsRandom::default().fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_millis(50 + part * 50 / 255)
}
