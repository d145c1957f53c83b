//! Waking those who listen to events, on any node, by PostgreSQL's NOTIFY: a call that something was told, and no more.
//! Whoever misses it finds the event at his next look.
//!
//! A transaction that notifies commits under a lock that the whole server has once: with eight who write, each wrote
//! a little more than half of what they write without. So no write does: after its commit the node is told, which
//! calls in a statement of its own, at most once in [`GAP`]. That statement writes nothing, and waits for no disk.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Executor as _, Postgres, SqlSafeStr as _};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::backoff::jittered;
use crate::dialect::Tables;
use crate::driver::{Arg, Driver as _};
use crate::error::Failure;
use crate::key::key;
use crate::pool::Connections;
use crate::wake::Wake;

/// Between two calls of a node.
const GAP: Duration = Duration::from_millis(10);
/// Beyond that a call is given up, and a connection is taken to be dead.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that was silent for so long is asked for a sign of life: a firewall may have forgotten it.
const SILENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Calls the listening nodes, and hears their calls.
pub(crate) struct Notifications {
    connections: Arc<Connections<Postgres>>,
    channel: Arc<str>,
    /// There while somebody listens.
    ear: Mutex<Weak<Ear>>,
    _caller: Task,
}

/// Ends when it is dropped.
struct Task(JoinHandle<()>);

impl Notifications {
    /// Calls whenever something was told, from now on.
    pub(crate) fn start(
        connections: Arc<Connections<Postgres>>,
        tables: &Tables,
        namespace: &str,
        told: Arc<Notify>,
    ) -> Self {
        let channel = channel(tables, namespace);
        let caller = call_whenever(Arc::clone(&connections), Arc::clone(&channel), told);
        let caller = Task(tokio::spawn(caller));
        Self { connections, channel, ear: Mutex::default(), _caller: caller }
    }

    /// Begins to hear calls, if nobody does yet.
    pub(crate) fn wake(&self) -> Wake {
        let mut kept = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        let ear = kept.upgrade().unwrap_or_else(|| {
            let ear = Arc::new(Ear::open(self.connections.options(), Arc::clone(&self.channel)));
            *kept = Arc::downgrade(&ear);
            ear
        });
        Wake::by(ear)
    }
}

/// One for each namespace in each set of tables. Well below 63 bytes, where PostgreSQL cuts names off.
fn channel(tables: &Tables, namespace: &str) -> Arc<str> {
    let key = key(namespace, &tables.text("{events}"));
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("http_session_{hex}").into()
}

async fn call_whenever(connections: Arc<Connections<Postgres>>, channel: Arc<str>, told: Arc<Notify>) {
    loop {
        told.notified().await;
        // A call that fails is not repeated: nobody depends on it.
        let _ = timeout(PATIENCE, call(&connections, &channel)).await;
        sleep(GAP).await;
    }
}

/// The call says nothing but that there is something to look for.
async fn call(connections: &Connections<Postgres>, channel: &str) -> Result<(), Failure> {
    let mut lease = connections.lease().await?;
    let sql = "SELECT pg_notify($1, '')".into_sql_str();
    let outcome = Postgres::execute(lease.connection()?, &sql, &[Arg::Text(channel)]).await;
    lease.settle(outcome.map(|_| ()).map_err(Failure::from)).await
}

/// One connection that hears the calls for all who listen in this store.
pub(crate) struct Ear {
    calls: watch::Sender<()>,
    _task: Task,
}

impl Ear {
    fn open(options: PgConnectOptions, channel: Arc<str>) -> Self {
        let calls = watch::Sender::new(());
        let task = tokio::spawn(hear_for_ever(options, channel, calls.clone()));
        Self { calls, _task: Task(task) }
    }

    pub(crate) fn calls(&self) -> watch::Receiver<()> {
        self.calls.subscribe()
    }
}

async fn hear_for_ever(options: PgConnectOptions, channel: Arc<str>, calls: watch::Sender<()>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Err(error) = hear(&options, &channel, &calls, &mut pause).await;
        #[cfg(feature = "tracing")]
        tracing::warn!(%error, "the connection that hears of events is lost, and they are heard later: another one is made in {pause:?}");
        drop(error);
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Hears calls on a connection until that fails.
async fn hear(
    options: &PgConnectOptions,
    channel: &str,
    calls: &watch::Sender<()>,
    pause: &mut Duration,
) -> sqlx::Result<std::convert::Infallible> {
    // A pool of that one connection, because sqlx listens on nothing else.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.acquire_timeout(PATIENCE).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    in_time(listener.listen(channel)).await?;
    *pause = FIRST_PAUSE;
    // What was told while nobody heard.
    calls.send_replace(());
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => calls.send_replace(()),
            Ok(Ok(None)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(Err(error)) => return Err(error),
            Err(_) => in_time(listener.execute("SELECT 1")).await.map(|_| ())?,
        }
    }
}

async fn in_time<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_and_each_set_of_tables_has_a_channel_of_its_own() {
        let long = "n".repeat(100);
        let of = |schema, name, namespace| channel(&Tables::new(schema, name, '"'), namespace);
        let channels = [
            of(None, "http_session", "shop"),
            of(None, "http_session", "blog"),
            of(Some("a"), "http_session", "shop"),
            of(Some("b"), "http_session", "shop"),
            of(Some("b"), "größe \" --", "shop"),
            of(None, "http_session", &long),
        ];
        for (at, channel) in channels.iter().enumerate() {
            assert!(channel.len() < 63 && channel.is_ascii(), "{channel}");
            assert!(!channels[..at].contains(channel), "{channel}");
        }
        assert_eq!(channels[0], of(None, "http_session", "shop"));
    }
}
