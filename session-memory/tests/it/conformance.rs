use std::sync::Arc;
use std::time::Duration;

use session_core::SessionStore;
use session_memory::MemoryStore;
use session_testkit::{Harness, ManualClock, async_trait, store_conformance};

struct Memory {
    store: MemoryStore,
    clock: ManualClock,
}

impl Memory {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self { store, clock }
    }
}

#[async_trait]
impl Harness for Memory {
    fn store(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.store.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn leftovers(&self) -> usize {
        usize::try_from(self.store.held()).unwrap()
    }
}

store_conformance!(memory, Memory::new());
