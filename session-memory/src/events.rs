use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use session_core::{
    Clock, Delivered, Delivery, Error, ErrorKind, EventKind, EventSettings, Handle, Inbox, Receipt, Record,
    Result, SessionEvent, Subscription, Timestamp,
};

/// What has happened to the sessions of one store, as far as it is remembered.
pub(crate) struct EventLog {
    settings: EventSettings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    told: Told,
    groups: HashMap<String, Reader>,
    /// How many listen each for itself.
    single: usize,
}

#[derive(Default)]
struct Told {
    remembered: VecDeque<SessionEvent>,
    /// The number of the first that is remembered. They are numbered from the first that was told.
    first: u64,
    missed: u64,
}

/// How far somebody has come.
#[derive(Debug)]
struct Reader {
    next: u64,
    inbox: Inbox,
}

impl EventLog {
    pub(crate) fn new(settings: EventSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { settings, clock, state: Mutex::default() })
    }

    /// How many events were forgotten before somebody who listens was handed them, counted for each.
    pub(crate) fn missed(&self) -> u64 {
        self.state().told.missed
    }

    fn tell(&self, event: SessionEvent) {
        let mut state = self.state();
        let remembered = if state.somebody_listens() { self.settings.remembered() } else { 0 };
        state.told.remembered.push_back(event);
        state.told.forget_all_but(remembered);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn somebody_listens(&self) -> bool {
        self.single > 0 || !self.groups.is_empty()
    }
}

impl Told {
    fn forget_all_but(&mut self, last: usize) {
        let forgotten = self.remembered.len().saturating_sub(last);
        self.remembered.drain(..forgotten);
        self.first += forgotten as u64;
    }

    /// One who hears what happens from now on.
    fn reader(&self, settings: &EventSettings) -> Reader {
        let next = self.first + self.remembered.len() as u64;
        Reader { next, inbox: Inbox::new(settings.handed_out_again_after()) }
    }

    fn new_for(&mut self, reader: &mut Reader, limit: usize) -> Vec<(u64, SessionEvent)> {
        self.missed += self.first.saturating_sub(reader.next);
        let from = reader.next.max(self.first);
        let passed = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let new: Vec<_> = (from..).zip(self.remembered.iter().skip(passed).take(limit).cloned()).collect();
        reader.next = from + new.len() as u64;
        new
    }
}

impl EventLog {
    pub(crate) fn subscribe(self: &Arc<Self>, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        let mut state = self.state();
        let reader = state.told.reader(&self.settings);
        let whose = match delivery {
            Delivery::OneOfGroup(name) => {
                state.groups.entry(name.clone()).or_insert(reader);
                Whose::Group(name.clone())
            }
            Delivery::EveryNode => {
                state.single += 1;
                Whose::Own(reader)
            }
            _ => return Err(Error::new(ErrorKind::Config, "the memory store does not know this delivery")),
        };
        Ok(Box::new(Listening { log: Arc::clone(self), whose }))
    }
}

struct Listening {
    log: Arc<EventLog>,
    whose: Whose,
}

enum Whose {
    Group(String),
    Own(Reader),
}

impl Listening {
    fn with_reader<T>(&mut self, act: impl FnOnce(&mut Told, &mut Reader) -> T) -> Option<T> {
        let State { told, groups, .. } = &mut *self.log.state();
        match &mut self.whose {
            Whose::Own(reader) => Some(act(told, reader)),
            Whose::Group(name) => groups.get_mut(name).map(|reader| act(told, reader)),
        }
    }
}

#[async_trait]
impl Subscription for Listening {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>> {
        let now = self.log.clock.monotonic();
        let handed_out = self.with_reader(|told, reader| {
            let mut delivered = reader.inbox.again(limit, now);
            let room = reader.inbox.room(limit, &delivered);
            for (number, event) in told.new_for(reader, room) {
                delivered.push(reader.inbox.hand_out(event, Receipt::new(number.to_string()), now));
            }
            delivered
        });
        Ok(handed_out.unwrap_or_default())
    }

    async fn woken(&mut self) {
        std::future::pending().await
    }

    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()> {
        self.with_reader(|_, reader| reader.inbox.acknowledge(heard));
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Whose::Own(_) = self.whose {
            self.log.state().single -= 1;
        }
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("EventLog")
            .field("settings", &self.settings)
            .field("remembered", &state.told.remembered.len())
            .field("missed", &state.told.missed)
            .finish_non_exhaustive()
    }
}

/// What a slot tells the log with; nothing, when events are off.
#[derive(Default)]
pub(crate) struct Voice(Option<Box<(Arc<EventLog>, Handle)>>);

impl Voice {
    pub(crate) fn of(log: Option<&Arc<EventLog>>, handle: &Handle) -> Self {
        Self(log.map(|log| Box::new((Arc::clone(log), *handle))))
    }

    pub(crate) fn tell(&self, kind: EventKind, record: &Record, at: Timestamp) {
        if let Some((log, handle)) = self.0.as_deref() {
            log.tell(SessionEvent::new(kind, *handle, at).about(record, &log.settings));
        }
    }
}
