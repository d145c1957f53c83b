#[cfg(feature = "postgres")]
use std::sync::Arc;

#[cfg(feature = "postgres")]
use tokio::sync::watch;

/// What somebody who listens waits for between two looks: that something was told since the last one, as far as the
/// database says so.
pub(crate) struct Wake {
    #[cfg(feature = "postgres")]
    calls: Option<(watch::Receiver<()>, Arc<crate::notify::Ear>)>,
}

impl Wake {
    /// Nobody calls.
    pub(crate) fn never() -> Self {
        Self {
            #[cfg(feature = "postgres")]
            calls: None,
        }
    }

    /// Calls are heard as long as one of these is there.
    #[cfg(feature = "postgres")]
    pub(crate) fn by(ear: Arc<crate::notify::Ear>) -> Self {
        Self { calls: Some((ear.calls(), ear)) }
    }

    /// A look begins, which sees what was told so far.
    pub(crate) fn begin_look(&mut self) {
        #[cfg(feature = "postgres")]
        if let Some((calls, _)) = &mut self.calls {
            calls.mark_unchanged();
        }
    }

    /// The look has left something.
    pub(crate) fn look_again(&mut self) {
        #[cfg(feature = "postgres")]
        if let Some((calls, _)) = &mut self.calls {
            calls.mark_changed();
        }
    }

    pub(crate) async fn woken(&mut self) {
        #[cfg(feature = "postgres")]
        if let Some((calls, _)) = &mut self.calls
            && calls.changed().await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}
