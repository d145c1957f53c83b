//! The servers that are measured.

use std::process::Command;

use super::http;
use crate::process::{Process, free_ports};
use crate::{Result, step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// axum without sessions.
    Plain,
    /// The same Redis commands by hand.
    Floor,
    OursOnRedis,
    /// With the layer around each route, not around the router.
    OursPerRoute,
    OursInMemory,
    OursOnPostgres,
    /// tower-sessions with its store for PostgreSQL.
    TowerSessions,
}

impl Kind {
    fn binary(self) -> &'static str {
        match self {
            Self::Plain => "bench-plain",
            Self::Floor => "bench-floor",
            Self::OursOnRedis | Self::OursPerRoute | Self::OursInMemory | Self::OursOnPostgres => {
                "bench-server"
            }
            Self::TowerSessions => "bench-tower-sessions",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Floor => "floor",
            Self::OursOnRedis | Self::OursPerRoute | Self::OursInMemory | Self::OursOnPostgres => "ours",
            Self::TowerSessions => "tower-sessions",
        }
    }

    /// Whether it is another library's: then ours is to be better, and not only near.
    pub(crate) fn is_peer(self) -> bool {
        self == Self::TowerSessions
    }

    /// The one path of a server that knows no sessions.
    pub(crate) fn only_path(self) -> Option<&'static str> {
        (self == Self::Plain).then_some("/none")
    }
}

pub(crate) struct Server {
    process: Process,
    port: u16,
}

impl Server {
    /// A server whose sessions are in the store at a URL. Each takes it by the name that it knows.
    pub(crate) fn start(kind: Kind, store: &str) -> Result<Self> {
        let [port] = free_ports()?;
        let ours = if kind == Kind::OursInMemory { "memory:" } else { store };
        let mut command = Command::new(step::target()?.join("release").join(kind.binary()));
        command
            .env("PORT", port.to_string())
            .env("WORKERS", "2")
            .env("REDIS_URL", store)
            .env("PG_URL", store)
            .env("SESSION_STORE", ours);
        if kind == Kind::OursPerRoute {
            command.env("PER_ROUTE", "1");
        }
        let mut process = Process::start(kind.binary(), &mut command)?;
        process.wait_for(port)?;
        Ok(Self { process, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The cookies of new sessions.
    pub(crate) fn sessions(&self, path: &str, count: usize) -> Result<Vec<String>> {
        let new = |_| {
            let answer = http::get(self.port, path, None)?;
            answer.cookie.ok_or_else(|| format!("GET {path}: {} without a cookie", answer.status).into())
        };
        (0..count).map(new).collect()
    }

    /// A wrong answer is quick, too: what is measured must be right.
    pub(crate) fn expect(&self, path: &str, cookie: Option<&str>, body: &str) -> Result {
        let answer = http::get(self.port, path, cookie)?;
        if answer.status == 200 && answer.body == body {
            return Ok(());
        }
        Err(format!("GET {path}: {} {:?} instead of 200 {body:?}", answer.status, answer.body).into())
    }
}
