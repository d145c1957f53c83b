//! When to stop: Ctrl-C, SIGTERM, or the end of the process that started this one.

use std::io::Read as _;
use std::time::Duration;

use tokio::signal;
use tokio::sync::watch;

use crate::Result;

/// How long a request that is under way may take to its end.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for signals; with `until_stdin_ends` also for the end of the standard input, by which a node notices
    /// that its parent is gone, however that came about.
    pub(crate) fn listen(until_stdin_ends: bool) -> Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let signal = signalled()?;
        let by_signal = sender.clone();
        tokio::spawn(async move {
            signal.await;
            by_signal.send_replace(true);
        });
        if until_stdin_ends {
            // A thread of its own: a pending read would hold up the end of the runtime.
            std::thread::spawn(move || {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                sender.send_replace(true);
            });
        }
        Ok(Self(receiver))
    }

    /// Resolves when it is time to stop.
    pub(crate) async fn asked(mut self) {
        // It fails only when nobody is left who could ask: then nothing is to be waited for.
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Resolves a while later: for what has not ended by then.
    pub(crate) async fn overdue(self) {
        self.asked().await;
        tokio::time::sleep(GRACE).await;
    }
}

#[cfg(unix)]
fn signalled() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    let mut interrupt = signal::unix::signal(signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signalled() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = signal::ctrl_c().await;
    })
}
