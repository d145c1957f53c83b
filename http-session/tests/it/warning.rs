//! Memory is a fine store, and a surprise where nobody has named one.

use std::sync::{Arc, Mutex};

use http_session::{Builder, MemoryStore};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Notes the warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{value:?}"));
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn warnings_of(builder: Builder, source: Vec<(&'static str, &'static str)>) -> Vec<String> {
    let warnings = Warnings::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let source: std::collections::HashMap<_, _> = source.into_iter().collect();
    tracing::subscriber::with_default(warnings.clone(), || {
        runtime.block_on(builder.source(source).build()).unwrap();
    });
    let noted = warnings.0.lock().unwrap();
    noted.clone()
}

#[test]
fn sessions_in_memory_because_nothing_else_was_said_are_a_warning() {
    let warnings = warnings_of(Builder::new(), vec![]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("SESSION_STORE"), "{warnings:?}");
}

#[test]
fn a_store_that_was_named_or_handed_in_is_no_warning() {
    assert_eq!(warnings_of(Builder::new(), vec![("session.store", "memory:")]), Vec::<String>::new());
    assert_eq!(warnings_of(Builder::new().store(MemoryStore::new()), vec![]), Vec::<String>::new());
}
