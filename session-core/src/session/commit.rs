//! The end of a request: what is written, and what the response is told.

use super::shared::Shared;
use super::state::{Answer, Phase, State, Stored};
use crate::{Changes, Commit, Error, Header, Result, SessionManager};

impl Shared {
    /// The commit, if the store need not be asked for it.
    pub(crate) fn commit_now(&self, status: u16) -> Option<Commit> {
        let mut state = self.state();
        if !state.accessed {
            // Nobody has asked for the session: there is nothing to write, and no operation under way to wait for.
            return Some(self.close(&mut state, None));
        }
        drop(state);
        let _turn = self.turn.try_lock().ok()?;
        let mut state = self.state();
        if !self.manager.commits(status) {
            state.pending = Changes::new();
        }
        let must_ask = !state.pending.is_empty()
            || matches!(state.phase, Phase::Unknown(_))
            || state.live().is_some_and(|live| live.is_touch_due())
            || self.renewal_due(&state).is_some();
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

    async fn write_all(&self, status: u16) -> Result<()> {
        let touch = {
            let mut state = self.state();
            if !self.manager.commits(status) {
                state.pending = Changes::new();
            }
            if let Phase::Unknown(error) = &state.phase {
                return Err(error.clone());
            }
            state.live().filter(|live| live.is_touch_due()).map(|live| live.target())
        };
        if !self.state().pending.is_empty() {
            self.save_pending().await?;
        } else if let Some(target) = touch {
            self.touch(&target).await;
        }
        let renewal = self.renewal_due(&self.state());
        if let Some(target) = renewal {
            self.renew(&target).await;
        }
        Ok(())
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
