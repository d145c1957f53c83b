//! The end of a request: what is written, and what the response is told.

use super::pending::Pending;
use super::shared::Shared;
use super::state::{Answer, Live, Phase, State, Stored};
use crate::{Changes, Commit, Error, Header, Name, Result, SaveMode, SessionManager};

impl Shared {
    /// The commit, if the store need not be asked for it.
    pub(crate) fn commit_now(&self, status: u16) -> Option<Commit> {
        let mut state = self.state();
        if !state.accessed {
            // Nobody has asked for the session: there is nothing to write, and no operation under way to wait for.
            state.committed = true;
            return Some(Commit { error: None, headers: Vec::new() });
        }
        drop(state);
        let _turn = self.turn.try_lock().ok()?;
        let mut state = self.state();
        if !self.manager.commits(status) {
            state.pending = Pending::default();
        }
        let must_ask = (state.refused.is_some() && self.manager.commits(status))
            || !state.pending.is_empty()
            || matches!(state.phase, Phase::Unknown(_))
            || state.live().is_some_and(|live| live.is_touch_due())
            || self.renewal_due(&state).is_some()
            || !self.unchanged(&state, status).is_empty();
        if must_ask {
            return None;
        }
        Some(self.close(&mut state, None))
    }

    pub(crate) async fn commit(&self, status: u16) -> Commit {
        let _turn = self.turn.lock().await;
        loop {
            let error = self.write_all(status).await.err();
            let mut state = self.state();
            // Another handle of this request may have changed something in the meantime: it is not lost.
            if error.is_some() || state.pending.is_empty() {
                return self.close(&mut state, error);
            }
        }
    }

    pub(crate) fn after_panic(&self) -> Vec<Header> {
        let mut state = self.state();
        state.committed = true;
        if state.answer.is_none() { Vec::new() } else { self.headers(&state) }
    }

    /// Whether there is something that is not to wait for the commit.
    pub(crate) fn is_flush_due(&self) -> bool {
        let state = self.state();
        !state.pending.is_empty() && !state.flush_failed && !state.committed
    }

    pub(crate) async fn flush(&self) {
        let _turn = self.turn.lock().await;
        if self.is_flush_due() && self.save_pending().await.is_err() {
            self.state().flush_failed = true;
        }
    }

    async fn write_all(&self, status: u16) -> Result<()> {
        let Due { is_changed, unchanged, live, is_touch_due } = self.due(status)?;
        let reissues = is_touch_due && self.manager.resolver.is_forgotten();
        let is_noted = match live {
            _ if is_changed => {
                self.add_unchanged(unchanged);
                self.save_pending().await.map(|()| true)?
            }
            Some(live) if !unchanged.is_empty() => self.keep(&live, unchanged).await?,
            Some(live) if reissues => self.touch_by_save(&live).await,
            Some(live) if is_touch_due => {
                self.touch(&live).await;
                true
            }
            _ => false,
        };
        if reissues && is_noted {
            self.reissue();
        }
        let renewal = self.renewal_due(&self.state());
        if let Some(target) = renewal {
            self.renew(&target).await;
        }
        Ok(())
    }

    fn due(&self, status: u16) -> Result<Due> {
        let mut state = self.state();
        if !self.manager.commits(status) {
            state.pending = Pending::default();
        }
        if let Phase::Unknown(error) = &state.phase {
            return Err(error.clone());
        }
        if let Some(error) = state.refused.clone().filter(|_| self.manager.commits(status)) {
            state.pending = Pending::default();
            return Err(error);
        }
        Ok(Due {
            is_changed: !state.pending.is_empty(),
            unchanged: self.unchanged(&state, status),
            live: state.live().map(Live::target),
            is_touch_due: state.live().is_some_and(Live::is_touch_due),
        })
    }

    /// What is written although the request has not changed it.
    fn unchanged(&self, state: &State, status: u16) -> Changes {
        let mut unchanged = Changes::new();
        if self.manager.save == SaveMode::Changed || !self.manager.commits(status) {
            return unchanged;
        }
        let Some(live) = state.live().filter(|live| !live.is_new) else { return unchanged };
        let is_kept = |name: &Name| match self.manager.save {
            SaveMode::Changed => false,
            SaveMode::Read => state.has_read(name),
            SaveMode::Always => true,
        };
        let kept = live.record.attributes.iter().filter(|(name, _)| is_kept(name));
        kept.for_each(|(name, value)| unchanged.set(name.clone(), value.clone()));
        unchanged
    }

    /// They go with what has been changed.
    fn add_unchanged(&self, unchanged: Changes) {
        let mut state = self.state();
        let pending = state.pending.edit();
        for (name, value) in unchanged.attributes {
            pending.attributes.entry(name).or_insert(value);
        }
    }

    /// The session, if its id is old enough for another.
    fn renewal_due(&self, state: &State) -> Option<Stored> {
        let every = self.manager.renew_every?;
        let live = state.live()?;
        let due = !live.is_new && live.now.since(live.record.renewed_at) >= every;
        due.then(|| live.target())
    }

    fn close(&self, state: &mut State, error: Option<Error>) -> Commit {
        state.committed = true;
        Commit { error, headers: self.headers(state) }
    }

    fn headers(&self, state: &State) -> Vec<Header> {
        let mut headers = Vec::new();
        if let Some(answer) = &state.answer {
            headers.push(match answer {
                Answer::Issue(id) => self.manager.resolver.issue(&id.expose()),
                Answer::Withdraw => self.manager.resolver.withdraw(),
            });
            headers.push(SessionManager::no_store());
        }
        if state.accessed {
            headers.push(self.manager.vary());
        }
        headers
    }
}

/// What is to be written at the end of a request.
struct Due {
    is_changed: bool,
    /// What is written although the request has not changed it.
    unchanged: Changes,
    live: Option<Stored>,
    is_touch_due: bool,
}
