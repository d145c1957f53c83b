use std::sync::{Arc, OnceLock};
use std::time::Duration;

use session_core::{EventSettings, SessionStore};
use session_memory::MemoryStore;
use session_testkit::{Harness, ManualClock, async_trait, store_conformance};

struct Memory {
    store: MemoryStore,
    telling: OnceLock<MemoryStore>,
    clock: ManualClock,
}

impl Memory {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self { store, telling: OnceLock::new(), clock }
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

    async fn with_events(&self, settings: &EventSettings) -> Option<Arc<dyn SessionStore>> {
        let build = || MemoryStore::builder().clock(self.clock.clone()).events(settings.clone()).build();
        Some(Arc::new(self.telling.get_or_init(build).clone()))
    }

    async fn leftovers(&self) -> usize {
        let held = self.store.held() + self.telling.get().map_or(0, MemoryStore::held);
        usize::try_from(held).unwrap()
    }
}

store_conformance!(memory, Memory::new());
