//! Removes what has expired from stores that do not do it by themselves, now and then.

use std::sync::{Arc, Weak};
use std::time::Duration;

use session_core::{Error, ErrorKind, Result, SessionManager};

use crate::settings::Given;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// How many records a sweep removes in one operation.
const BATCH: usize = 500;

/// How often is swept.
pub(crate) struct Sweeping {
    interval: Option<Duration>,
    /// Who has said so, if somebody has.
    origin: Option<String>,
}

impl Sweeping {
    /// `frees_itself`: the store is our own in memory, which keeps no memory of what has expired.
    pub(crate) fn new(given: Option<&Given<Option<Duration>>>, frees_itself: bool) -> Self {
        match given {
            Some(given) => Self { interval: given.value, origin: Some(given.origin.clone()) },
            None => Self { interval: (!frees_itself).then_some(DEFAULT_INTERVAL), origin: None },
        }
    }
}

/// Sweeps until the manager is dropped.
pub(crate) fn start(manager: &Arc<SessionManager>, sweeping: Sweeping) -> Result<()> {
    let Sweeping { interval: Some(interval), origin } = sweeping else { return Ok(()) };
    if manager.store().capabilities().sweep.is_none() {
        return Ok(());
    }
    match (tokio::runtime::Handle::try_current(), origin) {
        (Ok(runtime), _) => {
            runtime.spawn(sweep(Arc::downgrade(manager), interval));
            Ok(())
        }
        (Err(_), Some(origin)) => {
            let message = format!("{origin}: sweeping needs a tokio runtime; build the sessions in one");
            Err(Error::new(ErrorKind::Config, message))
        }
        (Err(_), None) => Ok(()),
    }
}

async fn sweep(manager: Weak<SessionManager>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(manager) = manager.upgrade() else { return };
        let Some(sweep) = manager.store().capabilities().sweep else { return };
        // A store that fails now is asked again in time.
        while sweep.sweep(BATCH).await.is_ok_and(|removed| removed >= BATCH) {}
    }
}
