//! The arguments of `cargo xtask bench`.

use std::path::PathBuf;
use std::time::Duration;

use super::store::StoreKind;
use super::workloads::{ALL, Workload};
use crate::{Result, step};

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: Duration,
    pub(crate) warm_up: Duration,
    /// So many that no single hot session is what is measured.
    pub(crate) sessions: usize,
    pub(crate) workloads: Vec<&'static Workload>,
    pub(crate) out: PathBuf,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 9,
            seconds: Duration::from_secs(3),
            warm_up: Duration::from_secs(1),
            sessions: 512,
            workloads: ALL.iter().collect(),
            out: step::target()?.join("bench.md"),
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--rounds" => options.rounds = at_least_one(name, value)?,
                "--seconds" => options.seconds = Duration::from_secs(at_least_one(name, value)? as u64),
                "--only" => options.workloads = chosen(value)?,
                "--out" => options.out = PathBuf::from(value),
                _ => return Err(format!("there is no option {name:?}").into()),
            }
        }
        Ok(options)
    }

    /// The stores of the workloads, each once.
    pub(crate) fn stores(&self) -> Vec<StoreKind> {
        let mut stores = Vec::new();
        for Workload { store, .. } in &self.workloads {
            if !stores.contains(store) {
                stores.push(*store);
            }
        }
        stores
    }
}

fn at_least_one(name: &str, value: &str) -> Result<usize> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name} takes a whole number of at least 1, not {value:?}").into()),
    }
}

fn chosen(names: &str) -> Result<Vec<&'static Workload>> {
    let find = |name: &str| {
        ALL.iter().find(|workload| workload.name == name).ok_or_else(|| {
            let all: Vec<&str> = ALL.iter().map(|workload| workload.name).collect();
            format!("there is no workload {name:?}; there are {}", all.join(", ")).into()
        })
    };
    names.split(',').map(find).collect()
}
