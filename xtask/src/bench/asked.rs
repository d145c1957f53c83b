//! What one request asks of the store: its commands and the bytes both ways, by Redis' own counters.

use std::collections::BTreeMap;

use crate::Result;
use crate::servers::Redis;

/// What Redis has done since its start.
pub(crate) struct Counters {
    reads: u64,
    received: u64,
    sent: u64,
    calls: BTreeMap<String, u64>,
    /// What it took to tell this.
    answer: u64,
}

/// What it has done for one request.
pub(crate) struct Asked {
    pub(crate) round_trips: u64,
    pub(crate) commands: String,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

const INFO: &str = "INFO everything";

impl Counters {
    pub(crate) fn of(redis: &Redis) -> Result<Self> {
        let text = redis.ask(INFO)?;
        let number = |name: &str| -> Result<u64> {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            Ok(value.ok_or_else(|| format!("INFO tells no {name}"))?.parse()?)
        };
        let calls = text.lines().filter_map(|line| {
            let (command, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((command.to_owned(), figures.split(',').next()?.parse().ok()?))
        });
        Ok(Self {
            reads: number("total_reads_processed")?,
            received: number("total_net_input_bytes")?,
            sent: number("total_net_output_bytes")?,
            calls: calls.collect(),
            answer: (format!("${}", text.len()).len() + 2 + text.len() + 2) as u64,
        })
    }

    /// What was done from then until `later`, without what it took to tell.
    pub(crate) fn until(&self, later: &Self) -> Asked {
        let mut commands = Vec::new();
        for (command, calls) in &later.calls {
            match calls - self.calls.get(command).copied().unwrap_or(0) {
                0 => {}
                _ if command == "info" => {}
                1 => commands.push(command.clone()),
                times => commands.push(format!("{times} {command}")),
            }
        }
        // Of the two questions, the end of the first one's connection and the second one were read since.
        let question = (INFO.len() + 2) as u64;
        Asked {
            round_trips: (later.reads - self.reads).saturating_sub(2),
            commands: commands.join(", "),
            sent: later.received - self.received - question,
            received: later.sent - self.sent - self.answer,
        }
    }
}
