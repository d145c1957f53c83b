use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{Cmd, Value};
use tokio::sync::Mutex;
use tokio::time::timeout_at;

use crate::clock::StoreClock;
use crate::error::Failure;
use crate::pipe::Pipe;
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
    pipe: Pipe,
    patience: Duration,
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
    pub(crate) fn new(address: Address, pipe: Pipe, patience: Duration) -> Self {
        Self {
            address,
            clock: StoreClock::new(),
            pipe,
            patience,
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
        !self.retired.load(Ordering::Relaxed)
            && !self.pipe.has_ended()
            && self.pipe.silence(now) <= self.patience
    }

    /// Gives it no further command. Those that it has may still be answered.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Sends one command. The first poll hands it over whole.
    pub(crate) async fn send(&self, cmd: &Cmd, sent: Instant, deadline: Instant) -> Result<Value, Failure> {
        accepted(self.pipe.ask(cmd, sent, deadline).await?)
    }

    /// Sends one command to a server that does not own its key yet, and has said to ask for it like this.
    pub(crate) async fn send_asking(
        &self,
        cmd: &Cmd,
        sent: Instant,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let commands = [redis::cmd("ASKING"), cmd.clone()];
        let replies = self.pipe.ask_all(&commands, sent, deadline).await?;
        let mut last = Value::Nil;
        for reply in replies {
            last = accepted(reply)?;
        }
        Ok(last)
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
        match self.send(&wait, sent, deadline).await? {
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

    /// Sends many at once, and awaits all their answers, refusals among them: for the beginning.
    pub(crate) async fn send_all(&self, commands: &[Cmd], deadline: Instant) -> Result<Vec<Value>, Failure> {
        self.pipe.ask_all(commands, Instant::now(), deadline).await
    }
}

fn accepted(reply: Value) -> Result<Value, Failure> {
    match reply {
        Value::ServerError(refusal) => Err(Failure::Refused(refusal)),
        value => Ok(value),
    }
}
