//! What is measured, and against what.

use super::server::Kind;
use super::store::StoreKind;
use super::table::Measured;

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// The path that makes the sessions. Without one no cookie is sent.
    pub(crate) prepare: Option<&'static str>,
    /// What a right answer says.
    pub(crate) answer: &'static str,
    pub(crate) subject: Kind,
    pub(crate) base: Kind,
    pub(crate) store: StoreKind,
    /// The ratio that is to be reached: at most this beside what knows no sessions, at least this beside a peer.
    pub(crate) goal: Option<f64>,
}

impl Workload {
    /// The CPU time a request, against the base's; beside a peer, how many times less it is.
    pub(crate) fn ratio(&self, subject: &Measured, base: &Measured) -> f64 {
        if self.base.is_peer() { base.cpu() / subject.cpu() } else { subject.cpu() / base.cpu() }
    }
}

pub(crate) const ALL: [Workload; 18] = [
    workload("none", "/none", Kind::Plain, Some(1.05)),
    Workload { subject: Kind::OursPerRoute, ..workload("none-per-route", "/none", Kind::Plain, None) },
    workload("read", "/read", Kind::Floor, Some(1.08)),
    workload("write", "/write", Kind::Floor, Some(1.12)),
    workload("update", "/update", Kind::Floor, Some(1.12)),
    Workload { prepare: None, ..workload("new", "/new", Kind::Floor, Some(1.15)) },
    Workload { prepare: Some("/big-init"), ..workload("big-write", "/big-write", Kind::Floor, Some(1.15)) },
    Workload {
        prepare: Some("/big-init"),
        answer: "512",
        ..workload("big-read", "/big-read", Kind::Floor, Some(1.15))
    },
    Workload {
        prepare: Some("/big-init"),
        answer: "512",
        ..workload("big-load", "/big-load", Kind::Floor, None)
    },
    memory("memory-read", "/read", Some(1.3)),
    memory("memory-write", "/write", Some(1.5)),
    memory("memory-update", "/update", None),
    Workload { prepare: None, ..memory("memory-new", "/new", None) },
    postgres("postgres-read", "/read", Some(1.4)),
    postgres("postgres-write", "/write", Some(1.5)),
    postgres("postgres-update", "/update", None),
    Workload { prepare: None, ..postgres("postgres-new", "/new", Some(2.5)) },
    Workload {
        prepare: Some("/big-init"),
        answer: "512",
        ..postgres("postgres-big-read", "/big-read", None)
    },
];

const fn workload(name: &'static str, path: &'static str, base: Kind, goal: Option<f64>) -> Workload {
    let prepare = Some("/new");
    let (subject, store) = (Kind::OursOnRedis, StoreKind::Redis);
    Workload { name, path, prepare, answer: "ok", subject, base, store, goal }
}

const fn memory(name: &'static str, path: &'static str, goal: Option<f64>) -> Workload {
    Workload { subject: Kind::OursInMemory, ..workload(name, path, Kind::Plain, goal) }
}

const fn postgres(name: &'static str, path: &'static str, goal: Option<f64>) -> Workload {
    let (subject, store) = (Kind::OursOnPostgres, StoreKind::Postgres);
    Workload { subject, store, ..workload(name, path, Kind::TowerSessions, goal) }
}
