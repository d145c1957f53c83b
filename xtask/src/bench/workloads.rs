//! What is measured, and against what.

use super::server::Kind;

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
    /// The ratio that is to be reached.
    pub(crate) goal: Option<f64>,
}

pub(crate) const ALL: [Workload; 12] = [
    workload("none", "/none", Kind::Plain, Some(1.05)),
    workload("none-layered", "/none", Kind::Layered, None),
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
    memory("memory-read", "/read", Some(1.3)),
    memory("memory-write", "/write", Some(1.5)),
    memory("memory-update", "/update", None),
    Workload { prepare: None, ..memory("memory-new", "/new", None) },
];

const fn workload(name: &'static str, path: &'static str, base: Kind, goal: Option<f64>) -> Workload {
    let prepare = Some("/new");
    Workload { name, path, prepare, answer: "ok", subject: Kind::OursOnRedis, base, goal }
}

const fn memory(name: &'static str, path: &'static str, goal: Option<f64>) -> Workload {
    Workload { subject: Kind::OursInMemory, ..workload(name, path, Kind::Plain, goal) }
}
