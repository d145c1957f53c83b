use std::sync::Arc;

use bytes::Bytes;

use super::pending::Pending;
use crate::{
    Changes, Error, ErrorKind, Name, Principal, Record, Result, Select, SessionId, StoredId, Timestamp,
};

/// What one request knows of its session and has done to it. All transitions are in `operations.rs`.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) presented: Presented,
    pub(crate) phase: Phase,
    /// What the request has changed and the store has not been told.
    pub(crate) pending: Pending,
    /// The attributes that were read, if those are written, too.
    pub(crate) read: Vec<Name>,
    /// Why a change could not be taken, where nobody could be told: the answer becomes this error, and nothing pending
    /// is written.
    pub(crate) refused: Option<Error>,
    /// Whether writing before the commit has failed: it is not tried again, the commit says why.
    pub(crate) flush_failed: bool,
    /// What the response must tell the client. It is set only once the store has applied what it tells, so it
    /// leaves with whatever answer leaves.
    pub(crate) answer: Option<Answer>,
    /// Whether anything about the session was asked: the answer then depends on it (`Vary`).
    pub(crate) accessed: bool,
    /// Whether the response head is on its way: changes can no longer be written, cookies no longer be sent.
    pub(crate) committed: bool,
}

/// The well-formed and different ids that a request presented: nearly always none or one, which needs no list.
#[derive(Clone, Default)]
pub(crate) enum Presented {
    #[default]
    Nothing,
    /// A text as long as an id. Whether it is one is found out when somebody asks for the session.
    Undecoded([u8; SessionId::TEXT_LEN]),
    One(SessionId),
    /// More than one cookie of the name.
    Several(Vec<SessionId>),
}

impl Presented {
    /// More than these are not looked at: a client that sends as many cookies of one name is no user.
    const MOST: usize = 4;

    /// Takes what may be an id.
    pub(crate) fn add(&mut self, text: &[u8]) {
        let Ok(text) = <[u8; SessionId::TEXT_LEN]>::try_from(text) else { return };
        if matches!(self, Self::Nothing) {
            *self = Self::Undecoded(text);
            return;
        }
        self.decode();
        if let Some(id) = SessionId::parse(&text) {
            self.add_id(id);
        }
    }

    /// Finds out whether it is an id.
    pub(crate) fn decode(&mut self) {
        if let Self::Undecoded(text) = self {
            *self = SessionId::parse(text).map_or(Self::Nothing, Self::One);
        }
    }

    fn add_id(&mut self, id: SessionId) {
        match self {
            Self::Nothing | Self::Undecoded(_) => *self = Self::One(id),
            Self::One(known) if *known == id => {}
            Self::One(known) => *self = Self::Several(vec![known.clone(), id]),
            Self::Several(known) if known.len() < Self::MOST && !known.contains(&id) => known.push(id),
            Self::Several(_) => {}
        }
    }
}

/// Where the request stands with its session.
#[derive(Default)]
pub(crate) enum Phase {
    /// The store has not been asked.
    #[default]
    Unread,
    /// It is there, or was when it was read. Boxed: a request that ignores its session need not carry the room.
    Live(Box<Live>),
    /// There is none. A first change begins one, under a new id.
    Nothing,
    /// It was ended or rotated over this request's head: reads are empty, changes are refused.
    Gone,
    /// Several live sessions were presented: none of them is used.
    Ambiguous,
    /// It could not be read. Nothing more is sent for this request.
    Failed(Error),
    /// An operation may or may not have been applied.
    Unknown(Error),
}

pub(crate) struct Live {
    pub(crate) id: SessionId,
    pub(crate) stored: StoredId,
    pub(crate) record: Arc<Record>,
    /// The store's clock when the record was read.
    pub(crate) now: Timestamp,
    /// Whether all attributes were read, not only some.
    pub(crate) whole: bool,
    /// Attributes that were asked for and are not there: what tells them from those that were not asked for. Of no
    /// use where all were read.
    pub(crate) absent: Vec<Name>,
    /// Whether it began with this request.
    pub(crate) is_new: bool,
    /// Whether it is held beyond its request: `now` is then long past, and every write notes the access.
    pub(crate) detached: bool,
}

pub(crate) enum Answer {
    Issue(SessionId),
    Withdraw,
}

/// Where an operation is sent.
pub(crate) struct Stored {
    pub(crate) id: SessionId,
    pub(crate) stored: StoredId,
    pub(crate) loaded: bool,
    /// Whether a write is to note the access, if it is due: the load has shown it, or nothing was loaded.
    pub(crate) touch: bool,
}

impl Stored {
    /// A session that has been presented and not been read.
    pub(crate) fn unread(id: SessionId, namespace: &str) -> Self {
        let stored = id.stored(namespace);
        Self { id, stored, loaded: false, touch: true }
    }
}

impl Live {
    /// What a read has found.
    pub(crate) fn read(
        id: SessionId,
        stored: StoredId,
        record: Arc<Record>,
        now: Timestamp,
        select: Select<'_>,
    ) -> Self {
        let asked = match select {
            Select::Only(names) => names,
            Select::All | Select::Metadata => &[],
        };
        let absent = asked.iter().filter(|name| !record.attributes.contains_key(**name));
        let absent = absent.map(|name| Name::from(*name)).collect();
        let whole = select == Select::All;
        Self { id, stored, record, now, whole, absent, is_new: false, detached: false }
    }

    /// Whether it is known what the stored session has under this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.whole
            || self.record.attributes.contains_key(name)
            || self.absent.iter().any(|absent| &**absent == name)
    }

    /// Adds what was known before to a read of some attributes that were not.
    pub(crate) fn merge(&mut self, before: Live) {
        if self.whole {
            return;
        }
        self.absent.extend(before.absent);
        let attributes = &mut Arc::make_mut(&mut self.record).attributes;
        for (name, value) in &before.record.attributes {
            attributes.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    pub(crate) fn is_touch_due(&self) -> bool {
        !self.is_new && self.record.is_touch_due(self.now)
    }

    /// The same session, to be held beyond this request.
    pub(crate) fn detached(&self) -> Self {
        let (id, stored, record) = (self.id.clone(), self.stored.clone(), self.record.clone());
        let (now, whole, absent) = (self.now, self.whole, self.absent.clone());
        Self { id, stored, record, now, whole, absent, is_new: false, detached: true }
    }

    pub(crate) fn target(&self) -> Stored {
        let (id, stored) = (self.id.clone(), self.stored.clone());
        Stored { id, stored, loaded: true, touch: self.detached || self.is_touch_due() }
    }
}

impl State {
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.phase {
            Phase::Live(live) => Some(live),
            Phase::Unread
            | Phase::Nothing
            | Phase::Gone
            | Phase::Ambiguous
            | Phase::Failed(_)
            | Phase::Unknown(_) => None,
        }
    }

    /// Whether the session can be asked at all.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.phase {
            Phase::Failed(error) | Phase::Unknown(error) => Err(error.clone()),
            Phase::Unread | Phase::Live(_) | Phase::Nothing | Phase::Gone | Phase::Ambiguous => Ok(()),
        }
    }

    /// Whether a change can still be taken.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.committed {
            return Err(Error::new(
                ErrorKind::Committed,
                "the response has begun: what is to change the session later needs `detach` before that",
            ));
        }
        self.check()
    }

    /// Which of these attributes have to be read for the request to see them all; `None`: the store need not be
    /// asked.
    pub(crate) fn unread<'n>(&self, names: &[&'n str]) -> Option<Vec<&'n str>> {
        match &self.phase {
            Phase::Unread => Some(names.to_vec()),
            Phase::Live(live) => {
                let unread: Vec<&str> = names.iter().copied().filter(|name| !live.knows(name)).collect();
                let hidden = |name: &&str| self.pending.attributes.contains_key(*name);
                (!unread.iter().all(hidden)).then_some(unread)
            }
            Phase::Nothing | Phase::Gone | Phase::Ambiguous | Phase::Failed(_) | Phase::Unknown(_) => None,
        }
    }

    /// That the attribute can be told from one that is not there.
    pub(crate) fn check_read(&self, name: &str) -> Result<()> {
        let is_read =
            self.pending.attributes.contains_key(name) || self.live().is_none_or(|live| live.knows(name));
        if is_read {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotLoaded,
            format!(
                "the session attribute {name:?} is not among those that were loaded: name it, or load them all"
            ),
        ))
    }

    /// Whether it is noted that this attribute was read.
    pub(crate) fn has_read(&self, name: &str) -> bool {
        self.read.iter().any(|read| &**read == name)
    }

    /// The attribute as this request sees it: its own changes over what was read.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Bytes> {
        match self.pending.attributes.get(name) {
            Some(change) => change.as_ref(),
            None => self.live()?.record.attributes.get(name),
        }
    }

    /// The names of the attributes as this request sees them, in order.
    pub(crate) fn names(&self) -> Vec<Name> {
        let stored = self.live().map(|live| &live.record.attributes);
        let untouched = |name: &&Name| !self.pending.attributes.contains_key(&***name);
        let mut names: Vec<Name> =
            stored.into_iter().flat_map(|it| it.keys()).filter(untouched).cloned().collect();
        names.extend(
            self.pending.attributes.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.clone()),
        );
        names.sort_unstable();
        names
    }

    /// The session has another id now.
    pub(crate) fn rename(&mut self, id: &SessionId, stored: StoredId) {
        match &mut self.phase {
            Phase::Live(live) => {
                live.id = id.clone();
                live.stored = stored;
                Arc::make_mut(&mut live.record).renewed_at = live.now;
            }
            _ => self.presented = Presented::One(id.clone()),
        }
    }

    /// The session is the principal's now.
    pub(crate) fn belongs_to(&mut self, principal: &Principal) {
        if let Phase::Live(live) = &mut self.phase {
            Arc::make_mut(&mut live.record).principal = Some(principal.clone());
        }
    }

    /// The session was ended by this request.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Nothing;
        self.answer = Some(Answer::Withdraw);
    }

    /// The stored attribute is known to be this now.
    pub(crate) fn remember(&mut self, name: &str, value: Bytes) {
        if let Phase::Live(live) = &mut self.phase {
            Arc::make_mut(&mut live.record).attributes.insert(name.into(), value);
        }
    }

    /// The stored attribute is known to be gone now.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Phase::Live(live) = &mut self.phase {
            if live.record.attributes.contains_key(name) {
                Arc::make_mut(&mut live.record).attributes.remove(name);
            }
            live.absent.push(name.into());
        }
    }

    /// Takes note that the store has applied these changes. What has been changed since they were sent stays
    /// pending.
    pub(crate) fn applied(&mut self, changes: &Changes, touch: std::time::Duration) {
        self.pending.written(changes);
        if let Phase::Live(live) = &mut self.phase {
            changes.apply_to(Arc::make_mut(&mut live.record), live.now, touch);
            live.absent.extend(changes.removed().cloned());
        }
    }
}
