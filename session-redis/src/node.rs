use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::future::try_join_all;
use session_core::Result;

use crate::connect::Dialer;
use crate::line::{Line, Way};
use crate::link::Link;
use crate::settings::{Durability, Settings};

/// A server that takes writes, and the lines to it.
#[derive(Debug)]
pub(crate) struct Node {
    lines: Box<[Arc<Line>]>,
    turn: AtomicUsize,
    /// For operations that wait for a replica: `WAIT` holds up whatever follows it.
    replicated: Option<Arc<Line>>,
}

impl Node {
    pub(crate) fn new(dialer: &Arc<Dialer>, way: &Way, settings: &Settings) -> Self {
        let line = || Line::new(Arc::clone(dialer), way.clone());
        Self {
            lines: (0..settings.connections.get()).map(|_| line()).collect(),
            turn: AtomicUsize::new(0),
            replicated: (settings.durability == Durability::Replicated).then(line),
        }
    }

    /// Connects all lines at once.
    pub(crate) async fn open(&self) -> Result<()> {
        try_join_all(self.all().map(|line| line.open())).await?;
        Ok(())
    }

    /// The line for the next operation, one after the other.
    pub(crate) fn line(&self, durable: bool) -> &Arc<Line> {
        match (&self.replicated, &*self.lines) {
            (Some(line), _) if durable => line,
            (_, [line]) => line,
            (_, lines) => &lines[self.turn.fetch_add(1, Ordering::Relaxed) % lines.len()],
        }
    }

    /// Any link of it that works.
    pub(crate) fn usable(&self, now: Instant) -> Option<Arc<Link>> {
        self.lines.iter().find_map(|line| line.usable(now))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.iter().chain(&self.replicated)
    }
}
