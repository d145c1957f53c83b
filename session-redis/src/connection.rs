use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use redis::{Arg, Cmd, Value};
use session_core::{Error, ErrorKind, Result, Timestamp};
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::config::Target;
use crate::error::{Failure, Remedy};
use crate::line::{Way, a_moment};
use crate::link::Link;
use crate::node::Node;
use crate::scripts::Script;
use crate::sentinel::Sentinels;
use crate::settings::{Durability, Settings};
use crate::slots::slot;
use crate::url::Servers;

/// The way from an operation to the server that has its key, whatever stands between.
#[derive(Debug)]
pub(crate) struct Connection {
    servers: Servers,
    settings: Settings,
    route: Route,
}

#[derive(Debug)]
enum Route {
    /// One server: the URL's, or the one that the Sentinels name.
    Node {
        node: Arc<Node>,
        may_fail_over: bool,
    },
    Cluster(Arc<Cluster>),
}

/// What one operation sends, about one key.
pub(crate) struct Call {
    cmd: Cmd,
    script: Option<&'static Script>,
    again: bool,
    durable: bool,
}

impl Call {
    /// A call of this script, which begins with [`Script::call`]. It is sent once.
    pub(crate) fn script(cmd: Cmd, script: &'static Script) -> Self {
        Self { cmd, script: Some(script), again: false, durable: false }
    }

    /// A command whose first argument is its key. It is sent once.
    pub(crate) fn command(cmd: Cmd) -> Self {
        Self { cmd, script: None, again: false, durable: false }
    }

    /// It may be sent again when it is not known whether it was executed: it finds its own work done.
    pub(crate) fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// It is done when a replica has it, too, if the store is set up so.
    pub(crate) fn durable(self) -> Self {
        Self { durable: true, ..self }
    }

    fn key(&self) -> &[u8] {
        // EVALSHA, digest, how many keys, key.
        let place = if self.script.is_some() { 3 } else { 1 };
        match self.cmd.args_iter().nth(place) {
            Some(Arg::Simple(key)) => key,
            _ => b"",
        }
    }
}

/// The server's answer to a command that was sent at `sent`.
pub(crate) struct Answer {
    pub(crate) value: Value,
    sent: Instant,
    link: Arc<Link>,
}

impl Answer {
    /// What the clock of the server that has answered shows now.
    pub(crate) fn now(&self) -> Timestamp {
        self.link.clock().now()
    }

    /// The answer tells that the server's clock showed this millisecond.
    pub(crate) fn tells_time(&self, shown: u64) {
        self.link.clock().observe(shown, self.sent);
    }
}

/// A link on which a call has failed, and how.
type Failed = (Arc<Link>, Failure);

/// How often a call goes on at once where a server sends it: more often, and they do not agree.
const REDIRECTIONS: usize = 5;

impl Connection {
    /// Connects at once, so that what is wrong with the settings shows here. Where a failover may be under way, for as
    /// long as an operation would wait for it.
    pub(crate) async fn open(target: Target) -> Result<Self> {
        let deadline = Instant::now() + target.settings.budget;
        let connection = Self::new(target);
        loop {
            let opened = match &connection.route {
                Route::Node { node, .. } => node.open().await,
                Route::Cluster(cluster) => cluster.open().await,
            };
            match opened {
                Ok(()) => return Ok(connection),
                Err(error) if !connection.may_fail_over() || !error.is_temporary() => return Err(error),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => sleep(a_moment()).await,
            }
        }
    }

    fn new(target: Target) -> Self {
        let Target { servers, settings, dialer, to_sentinels } = target;
        let route = match servers.clone() {
            Servers::One(address) => {
                let node = Arc::new(Node::new(&dialer, &Way::To(address), &settings));
                Route::Node { node, may_fail_over: false }
            }
            Servers::Sentinels { sentinels, service } => {
                let sentinels = Arc::new(Sentinels::new(&to_sentinels, sentinels, service));
                let node = Arc::new(Node::new(&dialer, &Way::Named(Arc::clone(&sentinels)), &settings));
                tokio::spawn(sentinels.watch(Arc::downgrade(&node)));
                Route::Node { node, may_fail_over: true }
            }
            Servers::Cluster(seeds) => Route::Cluster(Cluster::new(dialer, settings, seeds)),
        };
        Self { servers, settings, route }
    }

    fn may_fail_over(&self) -> bool {
        !matches!(self.route, Route::Node { may_fail_over: false, .. })
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// When an operation that begins now has to be done.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        now + self.settings.budget
    }

    /// Sends the call within the budget that ends at `deadline`.
    ///
    /// It is sent until a server has not refused it for a reason that passes: while a primary is replaced, or a key
    /// moves. When it is not known whether it was executed, it is sent once more at most, and only if it may be.
    ///
    /// What hardly ever happens is boxed: it would make every operation's future larger than what the allocator
    /// has at hand.
    pub(crate) async fn send(&self, call: &Call, deadline: Instant) -> Result<Answer> {
        let now = Instant::now();
        let failed = match self.usable(call, now) {
            Some(link) => match self.send_on(&link, call, false, now, deadline).await {
                Ok(value) => return Ok(Answer { value, sent: now, link }),
                Err(failure) => Some((link, failure)),
            },
            None => None,
        };
        Box::pin(self.persist(failed, call, deadline)).await
    }

    /// Sends a command to every server that takes writes, once, and says what each answered.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "for checks that end in a warning"))]
    pub(crate) async fn send_to_all(&self, cmd: &Cmd) -> Vec<Result<Value>> {
        let deadline = self.deadline(Instant::now());
        let nodes = match &self.route {
            Route::Node { node, .. } => vec![Arc::clone(node)],
            Route::Cluster(cluster) => cluster.nodes(),
        };
        let send = async |node: Arc<Node>| {
            let link = node.line(false).link(deadline).await?;
            Ok(link.send(cmd, Instant::now(), deadline).await?)
        };
        join_all(nodes.into_iter().map(send)).await
    }

    /// Goes on with a call for which there was no link, or that has failed.
    async fn persist(&self, mut failed: Option<Failed>, call: &Call, deadline: Instant) -> Result<Answer> {
        let (mut redirections, mut asking) = (0, false);
        // Since this it is not known whether the call was executed, and nothing that follows makes it known.
        let mut lost: Option<Error> = None;
        loop {
            let next = match failed.take().map(|(link, failure)| (failure.remedy(), link, failure)) {
                None => self.link(call, deadline).await,
                Some((Remedy::LoadScript, _, failure)) if redirections == REDIRECTIONS => Err(failure.into()),
                Some((Remedy::LoadScript, link, _)) => {
                    redirections += 1;
                    self.load_script(link, call, deadline).await
                }
                Some((Remedy::Elsewhere { to, only_now }, link, failure)) => match &self.route {
                    Route::Node { .. } => Err(failure.into()),
                    Route::Cluster(_) if redirections == REDIRECTIONS => Err(Error::new(
                        ErrorKind::Unavailable,
                        "the servers of the Redis Cluster do not agree on who has some sessions",
                    )),
                    Route::Cluster(cluster) => {
                        match cluster.redirected(&to, &link, call.durable, deadline).await {
                            Ok(link) => {
                                redirections += 1;
                                asking = only_now;
                                Ok(link)
                            }
                            // Whoever was named may have died, and be replaced.
                            Err(error) => {
                                asking = false;
                                self.later(error, call, deadline).await
                            }
                        }
                    }
                },
                Some((Remedy::Later, _, failure)) => {
                    asking = false;
                    self.later(failure.into(), call, deadline).await
                }
                Some((Remedy::SendAgain, _, failure))
                    if self.settings.retry && call.again && lost.is_none() =>
                {
                    asking = false;
                    lost = Some(failure.into());
                    self.link(call, deadline).await
                }
                Some((Remedy::SendAgain, _, failure)) => {
                    self.look_soon();
                    Err(failure.into())
                }
                Some((Remedy::None, _, failure)) => Err(failure.into()),
            };
            let link = match next {
                Ok(link) => link,
                Err(error) => return Err(lost.unwrap_or(error)),
            };
            let now = Instant::now();
            match self.send_on(&link, call, asking, now, deadline).await {
                Ok(value) => return Ok(Answer { value, sent: now, link }),
                Err(failure) => failed = Some((link, failure)),
            }
        }
    }

    async fn load_script(&self, link: Arc<Link>, call: &Call, deadline: Instant) -> Result<Arc<Link>> {
        if let Some(script) = call.script {
            link.send(&script.load(), Instant::now(), deadline).await?;
        }
        Ok(link)
    }

    /// Where to go when a server cannot do it now. There is somebody to wait for only where a failover may be under
    /// way; a name may by now lead to another server, if this one is a replica.
    async fn later(&self, error: Error, call: &Call, deadline: Instant) -> Result<Arc<Link>> {
        match &self.route {
            Route::Node { may_fail_over: false, .. } => return Err(error),
            Route::Node { .. } => sleep(a_moment()).await,
            Route::Cluster(cluster) => cluster.look_again(deadline).await,
        }
        if Instant::now() >= deadline {
            return Err(error);
        }
        self.link(call, deadline).await
    }

    fn look_soon(&self) {
        if let Route::Cluster(cluster) = &self.route {
            cluster.look_soon();
        }
    }

    async fn send_on(
        &self,
        link: &Link,
        call: &Call,
        asking: bool,
        sent: Instant,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        if deadline <= sent {
            return Err(Failure::Silent);
        }
        let until = deadline.min(sent + self.settings.response_timeout);
        let outcome = match asking {
            true => Box::pin(link.send_asking(&call.cmd, sent, until)).await,
            false => link.send(&call.cmd, sent, until).await,
        };
        let outcome = match outcome {
            Ok(value) if call.durable && self.settings.durability == Durability::Replicated => {
                let replicated = link.replicated(self.settings.replica_timeout(), deadline);
                Box::pin(replicated).await.map(|()| value)
            }
            outcome => outcome,
        };
        outcome.inspect_err(|failure| {
            if failure.spoils_the_link() {
                link.retire();
            }
        })
    }

    fn usable(&self, call: &Call, now: Instant) -> Option<Arc<Link>> {
        match &self.route {
            Route::Node { node, .. } => node.line(call.durable).usable(now),
            Route::Cluster(cluster) => cluster.usable(slot(call.key()), call.durable, now),
        }
    }

    /// A link for the call: the one that is there, or the next.
    async fn link(&self, call: &Call, deadline: Instant) -> Result<Arc<Link>> {
        let (node, may_fail_over) = match &self.route {
            Route::Node { node, may_fail_over } => (node, *may_fail_over),
            Route::Cluster(cluster) => return cluster.link(slot(call.key()), call.durable, deadline).await,
        };
        loop {
            let link = node.line(call.durable).link(deadline).await;
            if link.is_ok() || !may_fail_over {
                return link;
            }
            sleep(a_moment()).await;
            if Instant::now() >= deadline {
                return link;
            }
        }
    }
}
