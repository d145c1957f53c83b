use std::time::Duration;

use session_core::{
    Access, Changes, Created, Digest, ENDED_WINDOW, Error, EventKind, Handle, Miss, NewRecord, OpId,
    PREVIOUS_GRACE, Principal, RENEWAL_WAIT, ROTATED_WINDOW, Reason, Record, Renewed, Result, StoredId,
    TOMBSTONE_LIFE, Timestamp,
};

use crate::driver::Driver;
use crate::error::{Failure, unreadable};

/// The columns of a session's row, in the order in which [`Row::decode`] reads them.
pub(crate) const COLUMNS: &str = "s.digest, s.candidate, s.candidate_at, s.previous, s.previous_until, \
     s.superseded_at, s.created_at, s.last_accessed, s.idle, s.ends_at, s.expires_at, s.renewed_at, s.principal, \
     s.ended_at, s.last_op";
/// The column after those: the time, where a statement asks for it.
pub(crate) const NOW: usize = 15;

/// A session's row, without its attributes: its record or its tombstone. Every rule of the contract about *matching*
/// is here; PostgreSQL's statements have it a second time, as the condition under which they change anything.
pub(crate) struct Row {
    /// What a request may see of it. A tombstone's says nothing but when it may be removed.
    pub(crate) record: Record,
    pub(crate) current: Option<Digest>,
    pub(crate) candidate: Option<Candidate>,
    pub(crate) previous: Option<Previous>,
    pub(crate) superseded_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    /// The operation that ended the session, or else the last one that changed its attributes.
    pub(crate) last_op: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) digest: Digest,
    pub(crate) made_at: Timestamp,
}

#[derive(Clone, Copy)]
pub(crate) struct Previous {
    pub(crate) digest: Digest,
    pub(crate) good_until: Timestamp,
}

/// What a create finds where it wants to begin.
pub(crate) enum InTheWay {
    /// Its own work, a tombstone, or another session.
    Answer(Result<Created>),
    /// What has expired and only waits to be swept.
    Dead,
}

impl Row {
    /// Reads [`COLUMNS`].
    pub(crate) fn decode<D: Driver>(row: &D::Row) -> Result<Self, Failure> {
        let time = |column| Ok::<_, Failure>(D::int(row, column)?.map(moment));
        let must = |time: Option<Timestamp>| time.ok_or_else(|| unreadable("a time is missing"));
        let digest = |column| {
            let bytes = D::bytes(row, column)?;
            bytes.map(|bytes| digest(&bytes)).transpose()
        };
        let expires_at = must(time(10)?)?;
        let mut record = Record::bare(must(time(6)?)?, must(time(7)?)?, expires_at);
        record.idle = D::int(row, 8)?.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        record.end = time(9)?;
        record.renewed_at = must(time(11)?)?;
        record.principal = principal(D::bytes(row, 12)?)?;
        let candidate = digest(1)?.zip(time(2)?).map(|(digest, made_at)| Candidate { digest, made_at });
        let previous = digest(3)?.zip(time(4)?).map(|(digest, good_until)| Previous { digest, good_until });
        Ok(Self {
            record,
            current: digest(0)?,
            candidate,
            previous,
            superseded_at: time(5)?,
            ended_at: time(13)?,
            last_op: D::bytes(row, 14)?,
        })
    }

    pub(crate) fn new(id: &StoredId, new: &NewRecord, access: Access, now: Timestamp) -> Self {
        Self {
            record: Record::new(new, now, access.touch()),
            current: Some(*id.digest()),
            candidate: None,
            previous: None,
            superseded_at: None,
            ended_at: None,
            last_op: None,
        }
    }

    /// A tombstone.
    pub(crate) fn ended(op: OpId, now: Timestamp) -> Self {
        let record = Record::bare(now, now, now.saturating_add(TOMBSTONE_LIFE));
        Self {
            record,
            current: None,
            candidate: None,
            previous: None,
            superseded_at: None,
            ended_at: Some(now),
            last_op: Some(op.as_bytes().to_vec()),
        }
    }

    /// Why the presented id matches nothing; `None`: it matches.
    pub(crate) fn miss(&self, id: &StoredId, access: Access, now: Timestamp) -> Option<Miss> {
        if self.record.is_expired(now) {
            return Some(Miss::of_nothing(access));
        }
        if let Some(at) = self.ended_at {
            return Some(Miss::over_head(access, at, ENDED_WINDOW, now));
        }
        if self.matches(id.digest(), now) {
            return None;
        }
        match self.superseded_at {
            Some(at) => Some(Miss::over_head(access, at, ROTATED_WINDOW, now)),
            None => Some(Miss::Absent),
        }
    }

    fn matches(&self, digest: &Digest, now: Timestamp) -> bool {
        self.current.as_ref() == Some(digest)
            || self.shows_candidate(digest)
            || self.previous.is_some_and(|old| old.digest == *digest && now < old.good_until)
    }

    pub(crate) fn shows_candidate(&self, digest: &Digest) -> bool {
        self.candidate.is_some_and(|candidate| candidate.digest == *digest)
    }

    /// Whether a rotation to this digest has been carried out, and nothing has happened to it since.
    pub(crate) fn is_rotated_to(&self, new: &Digest, now: Timestamp) -> bool {
        self.ended_at.is_none() && !self.record.is_expired(now) && self.current.as_ref() == Some(new)
    }

    /// What is to be told when a session is ended by its handle, and when that was: one that has expired has ended
    /// already. `None`: so has one with a tombstone.
    pub(crate) fn end_by_handle(&self, now: Timestamp) -> Option<(EventKind, Timestamp)> {
        match self.ended_at {
            Some(_) => None,
            None if self.record.is_expired(now) => Some((EventKind::Expired, self.record.expires_at)),
            None => Some((EventKind::Deleted(Reason::Ended), now)),
        }
    }

    /// Whether it is a tombstone that is not outlived.
    pub(crate) fn is_tombstone(&self, now: Timestamp) -> bool {
        self.ended_at.is_some() && !self.record.is_expired(now)
    }

    /// Whether this operation has ended it.
    pub(crate) fn is_ended_by(&self, op: OpId) -> bool {
        self.ended_at.is_some() && self.is_last(op)
    }

    /// Whether this operation was the last that has changed it.
    pub(crate) fn is_saved_by(&self, op: OpId) -> bool {
        self.ended_at.is_none() && self.is_last(op)
    }

    fn is_last(&self, op: OpId) -> bool {
        self.last_op.as_deref() == Some(op.as_bytes())
    }

    pub(crate) fn in_the_way(&self, id: &StoredId, now: Timestamp) -> InTheWay {
        if self.record.is_expired(now) {
            return InTheWay::Dead;
        }
        InTheWay::Answer(match self.ended_at {
            Some(_) => Ok(Created::Gone),
            None if self.current.as_ref() == Some(id.digest()) => Ok(Created::Created),
            None => Err(Error::locator_in_use()),
        })
    }

    /// A candidate that is shown becomes the current digest.
    pub(crate) fn promote(&mut self, now: Timestamp) {
        let Some(candidate) = self.candidate.take() else { return };
        let good_until = now.saturating_add(PREVIOUS_GRACE);
        self.previous = self.current.map(|digest| Previous { digest, good_until });
        self.current = Some(candidate.digest);
        self.record.renewed_at = candidate.made_at;
    }

    pub(crate) fn touch(&mut self, access: Access, now: Timestamp) {
        if self.record.is_touch_due(now) {
            self.record.touch(now, access.touch());
        }
        self.record.last_accessed = self.record.last_accessed.max(now);
    }

    pub(crate) fn save(&mut self, changes: &Changes, op: OpId, access: Access, now: Timestamp) {
        changes.apply_to(&mut self.record, now, access.touch());
        self.last_op = Some(op.as_bytes().to_vec());
    }

    pub(crate) fn rotate(
        &mut self,
        new: Digest,
        changes: &Changes,
        op: OpId,
        access: Access,
        now: Timestamp,
    ) {
        self.save(changes, op, access, now);
        self.record.renewed_at = now;
        self.current = Some(new);
        self.candidate = None;
        self.previous = None;
        self.superseded_at = Some(now);
    }

    pub(crate) fn issue(&mut self, new: Digest, now: Timestamp) {
        self.candidate = Some(Candidate { digest: new, made_at: now });
    }

    /// What a renewal finds, in a row that the presented id matches; `None`: it is due.
    pub(crate) fn renewal(
        &self,
        digest: &Digest,
        new: &Digest,
        access: Access,
        now: Timestamp,
    ) -> Option<Renewed> {
        if self.current.as_ref() != Some(digest) {
            return Some(Renewed::NotDue);
        }
        match self.candidate {
            Some(candidate) if candidate.digest == *new => Some(Renewed::Issued),
            Some(candidate) if access.is_over_its_head(candidate.made_at, RENEWAL_WAIT, now) => {
                Some(Renewed::NotDue)
            }
            Some(_) | None => None,
        }
    }
}

/// A principal as a column has it.
pub(crate) fn principal(name: Option<Vec<u8>>) -> Result<Option<Principal>, Failure> {
    let Some(name) = name else { return Ok(None) };
    let name = String::from_utf8(name).map_err(|_| unreadable("a principal is not UTF-8"))?;
    Ok(Some(Principal::from(name)))
}

/// A handle as a column has it.
pub(crate) fn handle(locator: Option<Vec<u8>>) -> Result<Handle, Failure> {
    let bytes = locator.and_then(|locator| <[u8; 16]>::try_from(locator).ok());
    bytes.map(Handle::from_bytes).ok_or_else(|| unreadable("a locator has not 16 bytes"))
}

pub(crate) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A moment as a column has it.
pub(crate) fn column(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_millis()).unwrap_or(i64::MAX)
}

/// A duration as a column has it: nothing lasts longer than until [`Timestamp::NEVER`].
pub(crate) fn millis(duration: Duration) -> i64 {
    column(Timestamp::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}

fn digest(bytes: &[u8]) -> Result<Digest, Failure> {
    let bytes = bytes.try_into().map_err(|_| unreadable("a digest has not 16 bytes"))?;
    Ok(Digest::from_bytes(bytes))
}
