use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use session_core::{Error, ErrorKind};
use sqlx::pool::PoolConnection;
use sqlx::{ConnectOptions, Connection, Database, Pool, SqlStr};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::driver::Driver;
use crate::error::Failure;

/// A connection that nobody has used for so long is tested before its next use: a firewall may have forgotten it.
const SUSPECT_AFTER: Duration = Duration::from_secs(60);
/// A connection that nobody has used for so long is closed.
const CLOSED_AFTER: Duration = Duration::from_secs(600);

/// Where connections come from.
pub(crate) enum Connections<D: Driver> {
    Own(Own<D>),
    Given(Given<D>),
}

pub(crate) type Options<D> = <<D as Database>::Connection as Connection>::Options;

/// Connections of the store's own.
///
/// sqlx's pool asks the server for a sign of life after each use, which doubles the round trips. Here a connection is
/// asked before its next use, when it was idle for long; and when one is found broken, all that are as old are replaced
/// before their next use. To ask those would not do: whoever ends one often ends all, one after the other, and the
/// next would be ended just after its sign of life.
pub(crate) struct Own<D: Driver> {
    options: Options<D>,
    /// What each connection is told first.
    setup: Option<SqlStr>,
    permits: Semaphore,
    /// The one used last is on top.
    idle: Mutex<Vec<Idle<D>>>,
    /// That of new connections. A generation is over when one of it is found broken.
    generation: AtomicU64,
}

struct Idle<D: Database> {
    connection: D::Connection,
    since: Instant,
    generation: u64,
}

/// The application's connections.
pub(crate) struct Given<D: Database> {
    pool: Pool<D>,
    /// How many that were idle when one was found broken have not been tested yet.
    suspects: AtomicUsize,
    /// SQLite lets one connection write at a time: the others need not wait for it on a thread each.
    turns: Option<Semaphore>,
}

impl<D: Driver> Connections<D> {
    /// At most `size` connections, made when they are needed.
    pub(crate) fn own(options: Options<D>, setup: Option<SqlStr>, size: usize) -> Self {
        Self::Own(Own {
            options: options.disable_statement_logging(),
            setup,
            permits: Semaphore::new(size),
            idle: Mutex::new(Vec::new()),
            generation: AtomicU64::new(0),
        })
    }

    pub(crate) fn given(pool: Pool<D>) -> Self {
        Self::Given(Given { pool, suspects: AtomicUsize::new(0), turns: None })
    }

    /// The application's connections, of which the store uses one at a time.
    #[cfg(feature = "sqlite")]
    pub(crate) fn given_in_turns(pool: Pool<D>) -> Self {
        let turns = Some(Semaphore::new(1));
        Self::Given(Given { pool, suspects: AtomicUsize::new(0), turns })
    }

    /// How to make another one.
    #[cfg(feature = "postgres")]
    pub(crate) fn options(&self) -> Options<D> {
        match self {
            Self::Own(own) => own.options.clone(),
            Self::Given(given) => (*given.pool.connect_options()).clone(),
        }
    }

    /// Whether nobody has to wait for one. sqlx's pool cannot tell, and is taken to have one.
    #[cfg(feature = "postgres")]
    pub(crate) fn has_a_free_one(&self) -> bool {
        match self {
            Self::Own(own) => own.permits.available_permits() > 0,
            Self::Given(_) => true,
        }
    }

    /// A connection that is good as far as is known. Waits for one without end: the caller bounds it.
    pub(crate) async fn lease(&self) -> Result<Lease<'_, D>, Failure> {
        let held = match self {
            Self::Own(own) => own.lease().await?,
            Self::Given(given) => given.lease().await?,
        };
        Ok(Lease { from: self, held: Some(held) })
    }

    /// Closes those that are idle. Later operations fail.
    pub(crate) async fn close(&self) {
        match self {
            Self::Own(own) => {
                own.permits.close();
                let idle = std::mem::take(&mut *own.idle());
                for idle in idle {
                    // Whoever closes a connection that the server has closed already is as far.
                    let _ = idle.connection.close().await;
                }
            }
            // The application's pool is the application's.
            Self::Given(_) => {}
        }
    }
}

impl<D: Driver> Own<D> {
    async fn lease(&self) -> Result<Held<'_, D>, Failure> {
        let permit = self.permits.acquire().await.map_err(|_| closed())?;
        while let Some(mut idle) = self.pop() {
            if self.is_good(&mut idle).await {
                let Idle { connection, generation, .. } = idle;
                return Ok(Held::Own { connection, generation, _permit: permit });
            }
        }
        let generation = self.generation.load(Ordering::Relaxed);
        let mut connection = self.options.connect().await.map_err(Failure::of_connecting)?;
        if let Some(setup) = &self.setup {
            D::script(&mut connection, setup.clone()).await.map_err(Failure::of_connecting)?;
        }
        Ok(Held::Own { connection, generation, _permit: permit })
    }

    async fn is_good(&self, idle: &mut Idle<D>) -> bool {
        // One that survives a drop leads nowhere else: nothing can have happened to it.
        D::SURVIVES_A_DROP
            || idle.generation == self.generation.load(Ordering::Relaxed)
                && (idle.since.elapsed() <= SUSPECT_AFTER || idle.connection.ping().await.is_ok())
    }

    /// One of this generation was found broken.
    fn broke(&self, generation: u64) {
        let next = generation + 1;
        // Of those that break together only the first ends the generation: by then there may be new ones.
        let _ = self.generation.compare_exchange(generation, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn pop(&self) -> Option<Idle<D>> {
        let mut idle = self.idle();
        if idle.len() > 1 && idle.first().is_some_and(|oldest| oldest.since.elapsed() > CLOSED_AFTER) {
            idle.remove(0);
        }
        idle.pop()
    }

    fn push(&self, connection: D::Connection, generation: u64) {
        if !self.permits.is_closed() {
            self.idle().push(Idle { connection, since: Instant::now(), generation });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<D>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Driver> Given<D> {
    async fn lease(&self) -> Result<Held<'_, D>, Failure> {
        let turn = match &self.turns {
            Some(turns) => Some(turns.acquire().await.map_err(|_| closed())?),
            None => None,
        };
        loop {
            let mut connection = self.pool.acquire().await.map_err(Failure::of_connecting)?;
            let one_less = |suspects: usize| suspects.checked_sub(1);
            let is_suspect =
                self.suspects.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok();
            if !is_suspect || connection.ping().await.is_ok() {
                return Ok(Held::Given { connection, _turn: turn });
            }
            connection.close_on_drop();
        }
    }

    /// One was found broken: others may be, too.
    fn broke(&self) {
        self.suspects.store(self.pool.num_idle(), Ordering::Relaxed);
    }
}

fn closed() -> Failure {
    Failure::Refused(Error::new(ErrorKind::Unavailable, "the store has been closed"))
}

/// A connection in use. Dropped before it is [settled](Self::settle) it is closed, because what it was doing may not
/// be over; but for one that survives that.
pub(crate) struct Lease<'a, D: Driver> {
    from: &'a Connections<D>,
    /// `None` once it is settled.
    held: Option<Held<'a, D>>,
}

enum Held<'a, D: Driver> {
    Own { connection: D::Connection, generation: u64, _permit: SemaphorePermit<'a> },
    Given { connection: PoolConnection<D>, _turn: Option<SemaphorePermit<'a>> },
}

impl<D: Driver> Lease<'_, D> {
    pub(crate) fn connection(&mut self) -> Result<&mut D::Connection, Failure> {
        match &mut self.held {
            Some(Held::Own { connection, .. }) => Ok(connection),
            Some(Held::Given { connection, .. }) => Ok(connection),
            None => Err(closed()),
        }
    }

    /// Gives the connection back, if it is fit for another operation after one that came to this.
    pub(crate) async fn settle<T>(mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        match &outcome {
            Ok(_) => self.give_back(),
            // Who says that an operation takes too long is there.
            Err(Failure::Broken(error)) if error.kind() == ErrorKind::Timeout => self.discard(),
            Err(Failure::Unsent(_) | Failure::Broken(_)) => {
                self.doubt_the_others();
                self.discard();
            }
            // A transaction may have been left open: what ends it waits to be sent.
            Err(Failure::Contended(_) | Failure::Refused(_)) => match self.connection()?.ping().await {
                Ok(()) => self.give_back(),
                Err(_) => self.discard(),
            },
        }
        outcome
    }

    fn give_back(&mut self) {
        match (self.from, self.held.take()) {
            (Connections::Own(own), Some(Held::Own { connection, generation, .. })) => {
                own.push(connection, generation);
            }
            // sqlx's pool takes back what is dropped.
            (_, held) => drop(held),
        }
    }

    fn doubt_the_others(&self) {
        match (self.from, &self.held) {
            (Connections::Own(own), Some(Held::Own { generation, .. })) => own.broke(*generation),
            (Connections::Given(given), _) => given.broke(),
            (Connections::Own(_), _) => {}
        }
    }

    fn discard(&mut self) {
        if let Some(Held::Given { mut connection, .. }) = self.held.take() {
            connection.close_on_drop();
        }
    }
}

impl<D: Driver> Drop for Lease<'_, D> {
    fn drop(&mut self) {
        if D::SURVIVES_A_DROP { self.give_back() } else { self.discard() }
    }
}
