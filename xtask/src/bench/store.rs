//! The servers that keep the sessions.

use std::time::Duration;

use super::asked::Counters;
use super::postgres::Postgres;
use super::process_time;
use super::workloads::Workload;
use crate::servers::Redis;
use crate::{Result, needs};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Redis,
    Postgres,
}

pub(crate) enum Store {
    Redis(Redis),
    Postgres(Postgres),
}

impl StoreKind {
    pub(crate) fn needs(self) -> &'static [needs::Need] {
        match self {
            Self::Redis => &[needs::REDIS],
            Self::Postgres => &[needs::POSTGRES, needs::PSQL],
        }
    }

    fn start(self) -> Result<Store> {
        Ok(match self {
            Self::Redis => Store::Redis(Redis::start("bench")?),
            Self::Postgres => Store::Postgres(Postgres::start("bench", &[])?),
        })
    }
}

/// Those that some workloads need.
pub(crate) struct Stores(Vec<(StoreKind, Store)>);

impl Stores {
    pub(crate) fn start(kinds: &[StoreKind]) -> Result<Self> {
        kinds.iter().map(|kind| Ok((*kind, kind.start()?))).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn of(&self, workload: &Workload) -> Result<&Store> {
        let found = self.0.iter().find(|(kind, _)| *kind == workload.store);
        Ok(&found.ok_or("the workload's store was not started")?.1)
    }
}

impl Store {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(redis) => redis.url(),
            Self::Postgres(postgres) => postgres.url(),
        }
    }

    pub(crate) fn empty(&self) -> Result {
        match self {
            Self::Redis(redis) => redis.flush(),
            Self::Postgres(postgres) => postgres.empty(),
        }
    }

    /// The CPU time of all its processes.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        match self {
            Self::Redis(redis) => process_time::of(redis.pid()),
            Self::Postgres(postgres) => process_time::of_family(postgres.pid()),
        }
    }

    /// What it has been asked for, where it counts that by itself.
    pub(crate) fn counters(&self) -> Result<Option<Counters>> {
        match self {
            Self::Redis(redis) => Counters::of(redis).map(Some),
            Self::Postgres(_) => Ok(None),
        }
    }
}
