use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::{Cmd, Value};
use session_core::{Error, ErrorKind, OsRandom, Random as _, Result};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout_at};

use crate::clock::StoreClock;
use crate::config::Target;
use crate::error::{Failure, timeout};
use crate::link::Link;
use crate::scripts::Script;

/// The store's one connection, which comes back by itself.
///
/// An operation that finds it broken waits for the reconnect, which all share; nothing runs while nobody asks.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Target,
    clock: StoreClock,
    link: RwLock<Option<Arc<Link>>>,
    attempt: Mutex<Option<Attempt>>,
}

/// A reconnect under way, and what came of it.
type Attempt = watch::Receiver<Option<Result<Arc<Link>>>>;

/// What one operation sends, and whether it may be sent again when it is not known whether it was executed.
pub(crate) struct Call {
    pub(crate) cmd: Cmd,
    pub(crate) script: Option<&'static Script>,
    pub(crate) again: bool,
}

/// The server's answer to a command that was sent at `sent`.
pub(crate) struct Answer {
    pub(crate) value: Value,
    pub(crate) sent: Instant,
}

impl Connection {
    /// Connects at once, and once: what is wrong with the settings shows here.
    pub(crate) async fn open(target: Target) -> Result<Arc<Self>> {
        let clock = StoreClock::new();
        let link = target.connect(&clock).await?;
        Ok(Arc::new(Self {
            target,
            clock,
            link: RwLock::new(Some(Arc::new(link))),
            attempt: Mutex::new(None),
        }))
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn clock(&self) -> &StoreClock {
        &self.clock
    }

    /// When an operation that begins now has to be done.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        now + self.target.budget
    }

    /// Sends the call within the budget that ends at `deadline`: once, or twice if the connection broke off and
    /// the call may be sent again, or if the server does not know the script any more and so has done nothing.
    ///
    /// What hardly ever happens is boxed: it would make every operation's future larger than what the allocator
    /// has at hand.
    pub(crate) async fn send(self: &Arc<Self>, call: &Call, deadline: Instant) -> Result<Answer> {
        let now = Instant::now();
        let (link, now) = match self.usable(now) {
            Some(link) => (link, now),
            None => (Box::pin(self.reconnected(deadline)).await?, Instant::now()),
        };
        match self.send_once(&link, &call.cmd, now, deadline).await {
            Ok(answer) => Ok(answer),
            Err(failure) => Box::pin(self.recover(failure, &link, call, deadline)).await,
        }
    }

    /// What can still be done for a call that has failed.
    async fn recover(
        self: &Arc<Self>,
        failure: Failure,
        link: &Link,
        call: &Call,
        deadline: Instant,
    ) -> Result<Answer> {
        let failure = match self.with_its_script(failure, link, call, deadline).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        if !call.again || !matches!(failure, Failure::Broken(_)) {
            return Err(failure.into());
        }
        // Whatever goes wrong now, the outcome of the first time stays unknown.
        self.send_again(call, deadline).await.map_err(|_| failure.into())
    }

    async fn send_again(self: &Arc<Self>, call: &Call, deadline: Instant) -> Result<Answer> {
        let link = self.reconnected(deadline).await?;
        match self.send_once(&link, &call.cmd, Instant::now(), deadline).await {
            Ok(answer) => Ok(answer),
            Err(failure) => Ok(self.with_its_script(failure, &link, call, deadline).await?),
        }
    }

    /// Loads the script and sends the call once more, if that is all that was missing.
    async fn with_its_script(
        &self,
        failure: Failure,
        link: &Link,
        call: &Call,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let Some(script) = call.script.filter(|_| failure.is_unknown_script()) else {
            return Err(failure);
        };
        self.send_once(link, &script.load(), Instant::now(), deadline).await?;
        self.send_once(link, &call.cmd, Instant::now(), deadline).await
    }

    async fn send_once(
        &self,
        link: &Link,
        cmd: &Cmd,
        sent: Instant,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let left = deadline.saturating_duration_since(sent);
        if left.is_zero() {
            return Err(Failure::Silent);
        }
        match link.send(cmd, sent, left.min(self.target.response_timeout())).await {
            Ok(value) => Ok(Answer { value, sent }),
            Err(failure) => {
                if failure.spoils_the_link() {
                    link.retire();
                }
                Err(failure)
            }
        }
    }

    fn usable(&self, now: Instant) -> Option<Arc<Link>> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.as_ref().filter(|link| link.is_usable(now)).map(Arc::clone)
    }

    async fn reconnected(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>> {
        let mut attempt = self.attempt();
        match timeout_at(deadline.into(), attempt.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or_else(|| Err(timeout())),
            Ok(Err(_)) => {
                Err(Error::new(ErrorKind::Unavailable, "the runtime of the Redis connection has ended"))
            }
            Err(_) => Err(timeout()),
        }
    }

    /// Joins the reconnect that is under way, or begins one. It goes on when the caller is dropped: others may
    /// be waiting for it.
    fn attempt(self: &Arc<Self>) -> Attempt {
        let mut slot = self.attempt_slot();
        if let Some(attempt) = &*slot
            && attempt.has_changed().is_ok()
        {
            return attempt.clone();
        }
        if let Some(link) = self.usable(Instant::now()) {
            return watch::channel(Some(Ok(link))).1;
        }
        let (outcome, attempt) = watch::channel(None);
        *slot = Some(attempt.clone());
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let connected = this.reconnect().await.map(Arc::new);
            if let Ok(link) = &connected {
                *this.link.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(link));
            }
            *this.attempt_slot() = None;
            outcome.send_replace(Some(connected));
        });
        attempt
    }

    fn attempt_slot(&self) -> MutexGuard<'_, Option<Attempt>> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One try and another one, begun a moment apart at least: both fit into an operation's budget.
    async fn reconnect(&self) -> Result<Link> {
        #[cfg(feature = "tracing")]
        tracing::warn!(server = %self.target.address, "lost the connection to the Redis server, reconnecting");
        let second = Instant::now() + jittered_delay();
        let link = match self.target.connect(&self.clock).await {
            Ok(link) => Ok(link),
            Err(_) => {
                sleep_until(second.into()).await;
                self.target.connect(&self.clock).await
            }
        };
        #[cfg(feature = "tracing")]
        match &link {
            Ok(_) => tracing::info!(server = %self.target.address, "reconnected to the Redis server"),
            Err(error) => tracing::warn!(server = %self.target.address, %error, "did not reconnect"),
        }
        link
    }
}

/// 50 to 100 ms, so that the nodes of a server that comes back do not all arrive at once.
fn jittered_delay() -> Duration {
    let mut byte = [0];
    let part = OsRandom::default().fill(&mut byte).map_or(0, |()| u64::from(byte[0]));
    Duration::from_millis(50 + part * 50 / 255)
}
