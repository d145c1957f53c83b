use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Value};
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use crate::clock::StoreClock;
use crate::driver::Driver;
use crate::error::Failure;
use crate::url::Address;

/// One connection, as long as it lives. Every operation that waits for an answer holds it; with the last of them
/// its task ends and its socket is closed.
///
/// Redis answers the commands of a connection in their order. So a connection that has owed an answer for longer
/// than `patience` is not given another command: it would not answer that one either, and a connection that
/// something on the way has forgotten never recovers by itself.
#[derive(Debug)]
pub(crate) struct Link {
    address: Address,
    clock: StoreClock,
    connection: MultiplexedConnection,
    driver: Driver,
    born: Instant,
    patience: Duration,
    /// Since when answers are owed, in milliseconds after `born`: the last one, or the first command after a time without
    /// any.
    since: AtomicU64,
    retired: AtomicBool,
    /// How many commands it has carried out that a replica is to confirm, and how many of them one has.
    written: AtomicU64,
    replicated: Mutex<Replicated>,
}

/// Of the commands that a replica is to confirm.
#[derive(Debug, Default)]
struct Replicated {
    /// Up to here one has.
    confirmed: u64,
    /// Up to here none has, in the time that it had.
    given_up: u64,
}

impl Link {
    pub(crate) fn new(
        address: Address,
        connection: MultiplexedConnection,
        driver: Driver,
        patience: Duration,
    ) -> Self {
        Self {
            address,
            clock: StoreClock::new(),
            connection,
            driver,
            born: Instant::now(),
            patience,
            since: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            written: AtomicU64::new(0),
            replicated: Mutex::default(),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The clock of the server that it leads to: those of a cluster differ.
    pub(crate) fn clock(&self) -> &StoreClock {
        &self.clock
    }

    /// Whether a command sent now is likely to be answered. One that is sent on a link that is not usable may
    /// still be executed; one that has not been sent certainly is not.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        !self.retired.load(Ordering::Relaxed) && !self.driver.is_finished() && !self.is_silent(now)
    }

    /// Gives it no further command. Those that it has may still be answered.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Sends one command. The first poll hands it over whole.
    pub(crate) async fn send(&self, cmd: &Cmd, sent: Instant, timeout: Duration) -> Result<Value, Failure> {
        let mut owed = self.await_answer(sent);
        let mut connection = self.connection.clone();
        connection.set_response_timeout(timeout);
        let value = connection.send_packed_command(cmd).await?;
        owed.arrives();
        match value {
            Value::ServerError(refusal) => Err(Failure::Refused(refusal)),
            value => Ok(value),
        }
    }

    /// Sends one command to a server that does not own its key yet, and has said to ask for it like this.
    pub(crate) async fn send_asking(
        &self,
        cmd: &Cmd,
        sent: Instant,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let mut owed = self.await_answer(sent);
        let mut connection = self.connection.clone();
        connection.set_response_timeout(timeout);
        let mut commands = redis::pipe();
        // Written as one: nobody else's command comes between them.
        commands.cmd("ASKING").add_command(cmd.clone());
        let replies = connection.send_packed_commands(&commands, 0, 2).await?;
        owed.arrives();
        for reply in &replies {
            if let Value::ServerError(refusal) = reply {
                return Err(Failure::Refused(refusal.clone()));
            }
        }
        Ok(replies.into_iter().nth(1).unwrap_or(Value::Nil))
    }

    /// Waits until a replica has what this link has carried out so far. To be called once after each answer.
    ///
    /// One `WAIT` is under way at a time, and answers for all whose command it follows: however many operations
    /// wait for a replica, none waits for longer than two of them last.
    pub(crate) async fn replicated(&self, limit: Duration, deadline: Instant) -> Result<(), Failure> {
        let mine = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        let waiting = timeout_at(deadline.into(), self.replicated.lock());
        let mut state = waiting.await.map_err(|_| Failure::Silent)?;
        if state.confirmed >= mine {
            return Ok(());
        }
        if state.given_up >= mine {
            return Err(Failure::NotReplicated);
        }
        let covered = self.written.load(Ordering::Relaxed);
        let sent = Instant::now();
        let limit = limit.min(deadline.saturating_duration_since(sent));
        let mut wait = redis::cmd("WAIT");
        // Zero would be for ever.
        wait.arg(1).arg(limit.as_millis().max(1));
        match self.send(&wait, sent, deadline.saturating_duration_since(sent)).await? {
            Value::Int(1..) => {
                state.confirmed = covered;
                Ok(())
            }
            _ => {
                state.given_up = covered;
                Err(Failure::NotReplicated)
            }
        }
    }

    /// Sends many at once, and awaits all their answers: for the beginning, whose time is bounded by the caller.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>, RedisError> {
        self.connection.clone().send_packed_commands(commands, 0, commands.len()).await
    }

    fn is_silent(&self, now: Instant) -> bool {
        let silence = || self.millis(now).saturating_sub(self.since.load(Ordering::Relaxed));
        self.driver.owed.load(Ordering::Relaxed) > 0 && u128::from(silence()) > self.patience.as_millis()
    }

    fn await_answer(&self, sent: Instant) -> Owed<'_> {
        if self.driver.owed.fetch_add(1, Ordering::Relaxed) == 0 {
            self.since.store(self.millis(sent), Ordering::Relaxed);
        }
        Owed { link: self, arrived: false }
    }

    fn millis(&self, moment: Instant) -> u64 {
        let since_birth = moment.saturating_duration_since(self.born);
        u64::try_from(since_birth.as_millis()).unwrap_or(u64::MAX)
    }
}

/// An answer that somebody waits for. When nobody does any longer, the silence so far still counts.
struct Owed<'a> {
    link: &'a Link,
    arrived: bool,
}

impl Owed<'_> {
    fn arrives(&mut self) {
        self.arrived = true;
        self.link.since.store(self.link.millis(Instant::now()), Ordering::Relaxed);
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if !self.arrived && self.link.is_silent(Instant::now()) {
            self.link.retire();
        }
        self.link.driver.owed.fetch_sub(1, Ordering::Relaxed);
    }
}
