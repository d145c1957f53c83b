//! One connection that any number of operations use at once: commands go out in the order in which they are asked, and
//! replies come back in it.

use std::fmt;
use std::io;
use std::slice;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use redis::{Cmd, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::driver::Driver;
use crate::error::Failure;
use crate::reader::Unreadable;

/// Where operations leave their commands. The task that writes them and reads the replies ends with this.
pub(crate) struct Pipe {
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What operations and the task have in common.
pub(crate) struct Shared {
    born: Instant,
    queue: Mutex<Queue>,
    /// How many replies are owed.
    pub(crate) owed: AtomicUsize,
    /// Since when, in milliseconds after `born`: the last one, or the first command after a time without any.
    since: AtomicU64,
    /// Why the task takes nothing any longer. Set under the queue's lock, with what is in the queue taken along.
    pub(crate) broken: OnceLock<Broken>,
}

/// What the task has not taken yet.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) commands: Vec<u8>,
    pub(crate) waiting: Vec<Waiting>,
    /// How to wake the task, unless somebody has.
    pub(crate) waker: Option<Waker>,
}

/// Who waits for a reply. Nobody does any longer when the time is over; the reply is still to come.
pub(crate) struct Waiting {
    reply: Option<oneshot::Sender<Result<Value, Failure>>>,
    deadline: Instant,
}

/// Why a connection has ended.
#[derive(Clone, Debug)]
pub(crate) enum Broken {
    /// The way to the server has.
    Io(Arc<io::Error>),
    /// What came is no reply.
    Unreadable,
}

impl Pipe {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            born: Instant::now(),
            queue: Mutex::default(),
            owed: AtomicUsize::new(0),
            since: AtomicU64::new(0),
            broken: OnceLock::new(),
        });
        let task = tokio::spawn(Driver::new(stream, Arc::clone(&shared))).abort_handle();
        Self { shared, task }
    }

    /// Sends a command, and waits for its reply as long as that may take. The first poll hands it over whole; when the
    /// future is dropped later it is carried out all the same. A refusal is a reply.
    pub(crate) async fn ask(&self, cmd: &Cmd, sent: Instant, deadline: Instant) -> Result<Value, Failure> {
        let (waiting, reply) = Waiting::new(deadline);
        self.shared.enqueue(slice::from_ref(cmd), [waiting], sent)?;
        received(reply.await)
    }

    /// Sends commands with nobody else's between them, and waits for all their replies.
    pub(crate) async fn ask_all(
        &self,
        cmds: &[Cmd],
        sent: Instant,
        deadline: Instant,
    ) -> Result<Vec<Value>, Failure> {
        let (waiting, replies): (Vec<_>, Vec<_>) = cmds.iter().map(|_| Waiting::new(deadline)).unzip();
        self.shared.enqueue(cmds, waiting, sent)?;
        try_join_all(replies.into_iter().map(|reply| async { received(reply.await) })).await
    }

    /// Whether it has ended, and nothing that is sent by it will arrive.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.broken.get().is_some()
    }

    /// For how long a reply has been owed that has not come. Zero, when none is.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        match self.shared.owed.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            _ => {
                let since = Duration::from_millis(self.shared.since.load(Ordering::Relaxed));
                now.saturating_duration_since(self.shared.born + since)
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn enqueue(
        &self,
        cmds: &[Cmd],
        waiting: impl IntoIterator<Item = Waiting>,
        sent: Instant,
    ) -> Result<(), Failure> {
        let mut queue = self.queue();
        if let Some(broken) = self.broken.get() {
            return Err(broken.clone().into());
        }
        for cmd in cmds {
            cmd.write_packed_command(&mut queue.commands);
        }
        queue.waiting.extend(waiting);
        // In this order: who sees that a reply is owed sees since when, too.
        if self.owed.load(Ordering::Relaxed) == 0 {
            self.heard_at(sent);
        }
        self.owed.fetch_add(cmds.len(), Ordering::Release);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    pub(crate) fn heard_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.born).as_millis();
        self.since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new(deadline: Instant) -> (Self, oneshot::Receiver<Result<Value, Failure>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { reply: Some(reply), deadline }, receiver)
    }

    /// Nobody may want it any longer.
    pub(crate) fn answer(&mut self, reply: Result<Value, Failure>) {
        if let Some(waiting) = self.reply.take() {
            let _ = waiting.send(reply);
        }
    }

    /// When the time is over of whoever still waits.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.reply.as_ref().map(|_| self.deadline)
    }
}

/// Whoever owes a reply answers, be it that there will be none.
fn received(reply: Result<Result<Value, Failure>, oneshot::error::RecvError>) -> Result<Value, Failure> {
    reply.unwrap_or_else(|_| Err(Broken::aborted().into()))
}

impl Broken {
    pub(crate) fn aborted() -> Self {
        io::Error::from(io::ErrorKind::ConnectionAborted).into()
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<Unreadable> for Broken {
    fn from(Unreadable: Unreadable) -> Self {
        Self::Unreadable
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Unreadable => f.write_str("what came is no reply of a Redis server"),
        }
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Unreadable => None,
        }
    }
}

/// Without what is on its way: it holds passwords, digests and values.
impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("owed", &self.shared.owed)
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex};
    use tokio::task::yield_now;

    use super::*;
    use crate::driver::BUSY;

    const LONG: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(50);

    fn pair(room: usize) -> (Arc<Pipe>, DuplexStream) {
        let (ours, server) = duplex(room);
        (Arc::new(Pipe::new(ours)), server)
    }

    fn numbered(number: usize) -> Cmd {
        let mut cmd = redis::cmd("N");
        cmd.arg(number);
        cmd
    }

    async fn ask(pipe: Arc<Pipe>, cmd: Cmd, patience: Duration) -> Result<Value, Failure> {
        let now = Instant::now();
        pipe.ask(&cmd, now, now + patience).await
    }

    /// Until the server has read so many bytes.
    async fn receive(server: &mut DuplexStream, bytes: usize) -> Vec<u8> {
        let mut received = vec![0; bytes];
        server.read_exact(&mut received).await.unwrap();
        received
    }

    fn length(cmd: &Cmd) -> usize {
        cmd.get_packed_command().len()
    }

    #[tokio::test]
    async fn replies_reach_whom_they_are_owed_also_when_the_ways_are_narrow() {
        let (pipe, server) = pair(7);
        let (mut from, mut to) = tokio::io::split(server);
        // It answers each of the commands when it has read it, and reads no more until it has answered.
        tokio::spawn(async move {
            for n in 0..100 {
                let mut received = vec![0; length(&numbered(n))];
                from.read_exact(&mut received).await.unwrap();
                assert_eq!(received, numbered(n).get_packed_command());
                to.write_all(format!(":{n}\r\n").as_bytes()).await.unwrap();
            }
        });
        let spawn = |n| tokio::spawn(ask(pipe.clone(), numbered(n), LONG));
        let mut asked: VecDeque<_> = (0..50).map(spawn).collect();
        for n in 0..100 {
            let reply = asked.pop_front().unwrap().await.unwrap();
            assert!(matches!(reply, Ok(Value::Int(answer)) if answer == n), "{n}: {reply:?}");
            // Others come while the first are still being written.
            asked.extend((n == 0).then(|| (50..100).map(spawn)).into_iter().flatten());
        }
        assert_eq!(pipe.silence(Instant::now() + LONG), Duration::ZERO, "nothing is owed");
    }

    #[tokio::test]
    async fn nobody_comes_between_commands_that_belong_together() {
        let (pipe, mut server) = pair(10_000);
        let together = [redis::cmd("ASKING"), numbered(1)];
        let now = Instant::now();
        let other = tokio::spawn(ask(pipe.clone(), numbered(2), LONG));
        let answers = async {
            let all = together.iter().map(length).sum::<usize>() + length(&numbered(2));
            let received = receive(&mut server, all).await;
            let belonging: Vec<u8> = together.iter().flat_map(Cmd::get_packed_command).collect();
            assert!(received.starts_with(&belonging) || received.ends_with(&belonging));
            server.write_all(b"+OK\r\n-ERR no\r\n:1\r\n").await.unwrap();
        };
        let (replies, ()) = tokio::join!(pipe.ask_all(&together, now, now + LONG), answers);
        assert!(matches!(&replies.unwrap()[..], [Value::Okay, Value::ServerError(_)]));
        other.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn whose_time_is_over_is_let_go_and_the_next_one_gets_its_own_reply() {
        let (pipe, mut server) = pair(10_000);
        let patient = tokio::spawn(ask(pipe.clone(), numbered(0), LONG));
        receive(&mut server, length(&numbered(0))).await;
        let begun = Instant::now();
        // The alarm is set for the first one by now.
        let short = ask(pipe.clone(), numbered(1), SHORT);
        let less_short = ask(pipe.clone(), numbered(2), 2 * SHORT);
        let (short, less_short) = tokio::join!(async { (short.await, begun.elapsed()) }, async {
            (less_short.await, begun.elapsed())
        },);
        for ((outcome, took), expected) in [(short, SHORT), (less_short, 2 * SHORT)] {
            assert!(matches!(outcome, Err(Failure::Silent)));
            assert!(took >= expected && took < LONG, "{took:?}");
        }
        let last = tokio::spawn(ask(pipe.clone(), numbered(3), LONG));
        receive(&mut server, 3 * length(&numbered(1))).await;
        server.write_all(b":0\r\n:1\r\n:2\r\n:3\r\n").await.unwrap();
        assert!(matches!(patient.await.unwrap(), Ok(Value::Int(0))));
        assert!(matches!(last.await.unwrap(), Ok(Value::Int(3))));
    }

    #[tokio::test]
    async fn a_reply_is_owed_also_when_nobody_waits_for_it_any_longer() {
        let (pipe, mut server) = pair(10_000);
        // After a long time in which nothing was owed.
        let sent = Instant::now() + LONG;
        let dropped = tokio::spawn({
            let pipe = pipe.clone();
            async move { pipe.ask(&numbered(1), sent, sent + LONG).await }
        });
        receive(&mut server, length(&numbered(1))).await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        let silence = pipe.silence(sent + SHORT);
        assert!(silence >= SHORT && silence < 2 * SHORT, "{silence:?}");
        server.write_all(b":1\r\n").await.unwrap();
        while pipe.silence(sent + SHORT) > Duration::ZERO {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn when_the_connection_breaks_all_are_told_and_nothing_more_is_taken() {
        let (pipe, mut server) = pair(10_000);
        let asked: Vec<_> = (0..3).map(|n| tokio::spawn(ask(pipe.clone(), numbered(n), LONG))).collect();
        receive(&mut server, 3 * length(&numbered(0))).await;
        server.write_all(b":0\r\n").await.unwrap();
        drop(server);
        // What cannot be written any more is no reason not to read what has come before.
        let late = ask(pipe.clone(), numbered(3), LONG).await;
        let mut outcomes = vec![late];
        for asked in asked {
            outcomes.push(asked.await.unwrap());
        }
        let broken = |outcome: &_| matches!(outcome, Err(Failure::Broken(Broken::Io(_))));
        let [late, answered, rest @ ..] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert!(answered.is_ok() && broken(late) && rest.iter().all(broken), "{outcomes:?}");
        assert!(pipe.has_ended());
        assert!(broken(&ask(pipe, numbered(4), LONG).await));
    }

    #[tokio::test]
    async fn what_is_no_reply_or_nobody_s_ends_the_connection() {
        for wrong in ["SSH-2.0-OpenSSH\r\n", ":1\r\n"] {
            let (pipe, mut server) = pair(10_000);
            server.write_all(wrong.as_bytes()).await.unwrap();
            while !pipe.has_ended() {
                yield_now().await;
            }
            let outcome = ask(pipe, numbered(1), LONG).await;
            assert!(matches!(outcome, Err(Failure::Broken(Broken::Unreadable))), "{wrong:?}");
        }
    }

    #[test]
    fn when_its_runtime_ends_whoever_waits_elsewhere_is_told() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (its_own, elsewhere) = (runtime(), runtime());
        let (pipe, mut server) = its_own.block_on(async { pair(10_000) });
        let begin = |n| {
            let asked = elsewhere.spawn(ask(pipe.clone(), numbered(n), LONG));
            elsewhere.block_on(yield_now());
            asked
        };
        let taken = begin(1);
        its_own.block_on(receive(&mut server, length(&numbered(1))));
        let not_taken = begin(2);
        drop(its_own);
        for asked in [taken, not_taken, begin(3)] {
            assert!(matches!(elsewhere.block_on(asked).unwrap(), Err(Failure::Broken(_))));
        }
    }

    #[tokio::test]
    async fn debug_shows_nothing_of_what_is_on_its_way() {
        let (pipe, _server) = pair(1);
        tokio::spawn(ask(pipe.clone(), redis::cmd("AUTH").arg("secret").clone(), LONG));
        yield_now().await;
        assert_eq!(format!("{pipe:?}"), "Pipe { owed: 1, has_ended: false, .. }");
    }

    /// Takes all that is written, notes how many commands each time, and says nothing.
    struct Recorder(Arc<Mutex<Vec<usize>>>);

    impl AsyncRead for Recorder {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Recorder {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.0.lock().unwrap().push(bytes.iter().filter(|byte| **byte == b'*').count());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// How many of 20 commands that are ready at once leave together, while so many replies are owed.
    async fn batches(owed: usize) -> Vec<usize> {
        let batches = Arc::new(Mutex::new(Vec::new()));
        let pipe = Arc::new(Pipe::new(Recorder(Arc::clone(&batches))));
        while pipe.shared.queue().waker.is_none() {
            yield_now().await;
        }
        pipe.shared.owed.store(owed, Ordering::Relaxed);
        for n in 0..20 {
            tokio::spawn(ask(pipe.clone(), numbered(n), LONG));
        }
        while batches.lock().unwrap().iter().sum::<usize>() < 20 {
            yield_now().await;
        }
        batches.lock().unwrap().clone()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn on_a_busy_connection_what_is_ready_leaves_together() {
        let busy = tokio::spawn(batches(BUSY)).await.unwrap();
        assert_eq!(busy, [20]);
        let idle = tokio::spawn(batches(0)).await.unwrap();
        assert!(idle[0] < BUSY, "a command that is alone does not wait: {idle:?}");
    }
}
