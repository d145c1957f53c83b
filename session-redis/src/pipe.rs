//! One connection that any number of operations use at once: commands go out in the order in which they are asked, and
//! replies come back in it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_util::future::try_join_all;
use redis::{Cmd, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep_until};

use crate::error::Failure;
use crate::reader::{Reader, Unreadable};

/// Where operations leave their commands. The task that writes them and reads the replies ends with this.
#[derive(Debug)]
pub(crate) struct Pipe {
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What operations and the task have in common.
#[derive(Debug)]
struct Shared {
    born: Instant,
    queue: Mutex<Queue>,
    /// How many replies are owed.
    owed: AtomicUsize,
    /// Since when, in milliseconds after `born`: the last one, or the first command after a time without any.
    since: AtomicU64,
    has_ended: AtomicBool,
}

/// What the task has not taken yet.
#[derive(Debug, Default)]
struct Queue {
    commands: Vec<u8>,
    waiting: Vec<Waiting>,
    /// How to wake the task, unless somebody has.
    waker: Option<Waker>,
    /// Why nobody takes anything any longer.
    broken: Option<Broken>,
}

/// Who waits for a reply. Nobody does any longer when the time is over; the reply is still to come.
#[derive(Debug)]
struct Waiting {
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

/// From so many replies owed on, a connection is busy.
const BUSY: usize = 8;

/// How much is read at once, at least.
const PIECE: usize = 8 * 1024;

/// What a buffer may keep for later when it is empty.
const KEPT: usize = 64 * 1024;

impl Pipe {
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            born: Instant::now(),
            queue: Mutex::default(),
            owed: AtomicUsize::new(0),
            since: AtomicU64::new(0),
            has_ended: AtomicBool::new(false),
        });
        let task = tokio::spawn(Driver {
            stream,
            shared: Arc::clone(&shared),
            commands: Vec::new(),
            written: 0,
            reader: Reader::default(),
            waiting: VecDeque::new(),
            alarm: None,
            has_waited: false,
        });
        Self { shared, task: task.abort_handle() }
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
        try_join_all(replies.into_iter().map(async |reply| received(reply.await))).await
    }

    /// Whether it has ended, and nothing that is sent by it will arrive.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Relaxed)
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
        if let Some(broken) = &queue.broken {
            return Err(broken.clone().into());
        }
        for cmd in cmds {
            cmd.write_packed_command(&mut queue.commands);
        }
        queue.waiting.extend(waiting);
        // In this order: who sees that a reply is owed sees since when, too.
        if self.owed.load(Ordering::Relaxed) == 0 {
            self.is_heard(sent);
        }
        self.owed.fetch_add(cmds.len(), Ordering::Release);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn is_heard(&self, now: Instant) {
        let since = now.saturating_duration_since(self.born).as_millis();
        self.since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that writes a connection's commands and reads their replies.
struct Driver<S> {
    stream: S,
    shared: Arc<Shared>,
    /// What is being written, of which so much is.
    commands: Vec<u8>,
    written: usize,
    reader: Reader,
    /// Who waits, in the order of the replies to come.
    waiting: VecDeque<Waiting>,
    /// When somebody's time is over, or was when it was set: replies that come in time leave it as it is.
    alarm: Option<Pin<Box<Sleep>>>,
    has_waited: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.lets_others_first() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match this.go_on(cx) {
            Ok(()) => Poll::Pending,
            Err(broken) => {
                this.end(&broken);
                Poll::Ready(())
            }
        }
    }
}

impl<S> Driver<S> {
    /// A task that is woken is polled next, before the others that are ready: each command would be written by itself,
    /// for one system call more here and one more at the server. On a busy connection the driver lets the others go
    /// first, once, and what they send leaves in the same write. On another one nobody would join it, and the wait
    /// would only cost.
    fn lets_others_first(&mut self) -> bool {
        self.has_waited = !self.has_waited && self.shared.owed.load(Ordering::Relaxed) >= BUSY;
        self.has_waited
    }

    fn end(&mut self, broken: &Broken) {
        let mut queue = self.shared.queue();
        queue.broken.get_or_insert_with(|| broken.clone());
        let left = mem::take(&mut queue.waiting);
        drop(queue);
        self.shared.has_ended.store(true, Ordering::Relaxed);
        for waiting in self.waiting.drain(..).chain(left) {
            waiting.answer(Err(broken.clone().into()));
        }
    }
}

/// With its runtime, for instance.
impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        self.end(&Broken::aborted());
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// As far as it goes now. Reading never waits for writing: a server that is not read from may stop reading, too.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        self.take(cx.waker());
        self.write(cx)?;
        self.read(cx)?;
        self.give_up(cx);
        Ok(())
    }

    /// Takes what operations have left since.
    fn take(&mut self, waker: &Waker) {
        let mut queue = self.shared.queue();
        if !queue.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            queue.waker = Some(waker.clone());
        }
        if self.written == self.commands.len() {
            self.commands.clear();
            self.commands.shrink_to(KEPT);
            self.written = 0;
            mem::swap(&mut self.commands, &mut queue.commands);
        } else {
            self.commands.append(&mut queue.commands);
        }
        let first = queue.waiting.iter().map(|waiting| waiting.deadline).min();
        self.waiting.extend(queue.waiting.drain(..));
        drop(queue);
        if let Some(first) = first
            && self.alarm.as_ref().is_none_or(|alarm| first < alarm.deadline().into_std())
        {
            self.set_alarm(first);
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        while self.written < self.commands.len() {
            let mut stream = Pin::new(&mut self.stream);
            match stream.as_mut().poll_write(cx, &self.commands[self.written..]) {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(Ok(bytes)) => self.written += bytes,
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Pending => return Ok(()),
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(error.into()),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        loop {
            if self.reader.arrived.is_empty() && self.reader.arrived.capacity() > KEPT {
                self.reader.arrived = BytesMut::new();
            }
            self.reader.arrived.reserve(PIECE);
            let read = pin!(self.stream.read_buf(&mut self.reader.arrived)).poll(cx);
            match read {
                Poll::Ready(Ok(0)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Poll::Ready(Ok(_)) => self.hand_out()?,
                Poll::Ready(Err(error)) => return Err(error.into()),
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Gives each reply that has arrived to whom it is owed.
    fn hand_out(&mut self) -> Result<(), Broken> {
        let mut replies = 0;
        while let Some(reply) = self.reader.next()? {
            match self.waiting.pop_front() {
                Some(waiting) => {
                    replies += 1;
                    waiting.answer(Ok(reply));
                }
                // What a server says before it hangs up on somebody who has not asked.
                None if matches!(reply, Value::ServerError(_)) => {}
                None => return Err(Broken::Unreadable),
            }
        }
        self.shared.is_heard(Instant::now());
        self.shared.owed.fetch_sub(replies, Ordering::Release);
        Ok(())
    }

    /// Lets those go whose time is over.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        while let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            let now = Instant::now();
            for waiting in self.waiting.iter_mut().filter(|waiting| waiting.deadline <= now) {
                if let Some(reply) = waiting.reply.take() {
                    let _ = reply.send(Err(Failure::Silent));
                }
            }
            let waiting = self.waiting.iter().filter(|waiting| waiting.reply.is_some());
            match waiting.map(|waiting| waiting.deadline).min() {
                Some(next) => self.set_alarm(next),
                None => self.alarm = None,
            }
        }
    }

    fn set_alarm(&mut self, at: Instant) {
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().reset(at.into()),
            None => self.alarm = Some(Box::pin(sleep_until(at.into()))),
        }
    }
}

impl Waiting {
    fn new(deadline: Instant) -> (Self, oneshot::Receiver<Result<Value, Failure>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { reply: Some(reply), deadline }, receiver)
    }

    /// Nobody may want it any longer.
    fn answer(self, reply: Result<Value, Failure>) {
        if let Some(waiting) = self.reply {
            let _ = waiting.send(reply);
        }
    }
}

/// Whoever owes a reply answers, be it that there will be none.
fn received(reply: Result<Result<Value, Failure>, oneshot::error::RecvError>) -> Result<Value, Failure> {
    reply.unwrap_or_else(|_| Err(Broken::aborted().into()))
}

impl Broken {
    fn aborted() -> Self {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadBuf, duplex};
    use tokio::task::yield_now;

    use super::*;

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
        let asked: Vec<_> = (0..100).map(|n| tokio::spawn(ask(pipe.clone(), numbered(n), LONG))).collect();
        // It answers each of the commands when it has read it, and reads no more until it has answered.
        tokio::spawn(async move {
            for n in 0..100 {
                let mut received = vec![0; length(&numbered(n))];
                from.read_exact(&mut received).await.unwrap();
                assert_eq!(received, numbered(n).get_packed_command());
                to.write_all(format!(":{n}\r\n").as_bytes()).await.unwrap();
            }
        });
        for (n, asked) in (0..).zip(asked) {
            assert!(matches!(asked.await.unwrap(), Ok(Value::Int(answer)) if answer == n));
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
        let outcome = ask(pipe.clone(), numbered(1), SHORT).await;
        assert!(matches!(outcome, Err(Failure::Silent)));
        assert!(begun.elapsed() >= SHORT);
        let last = tokio::spawn(ask(pipe.clone(), numbered(2), LONG));
        receive(&mut server, 2 * length(&numbered(1))).await;
        server.write_all(b":0\r\n:1\r\n:2\r\n").await.unwrap();
        assert!(matches!(patient.await.unwrap(), Ok(Value::Int(0))));
        assert!(matches!(last.await.unwrap(), Ok(Value::Int(2))));
    }

    #[tokio::test]
    async fn a_reply_is_owed_also_when_nobody_waits_for_it_any_longer() {
        let (pipe, mut server) = pair(10_000);
        let dropped = tokio::spawn(ask(pipe.clone(), numbered(1), LONG));
        receive(&mut server, length(&numbered(1))).await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        let now = Instant::now();
        assert!(pipe.silence(now + LONG) > LONG - SHORT && pipe.silence(now + LONG) <= LONG + SHORT);
        server.write_all(b":1\r\n").await.unwrap();
        while pipe.silence(now + LONG) > Duration::ZERO {
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
        let mut outcomes = Vec::new();
        for asked in asked {
            outcomes.push(asked.await.unwrap());
        }
        let broken = |outcome: &_| matches!(outcome, Err(Failure::Broken(Broken::Io(_))));
        assert!(outcomes[0].is_ok() && outcomes[1..].iter().all(broken), "{outcomes:?}");
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
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (pipe, _server) = runtime.block_on(async { pair(10_000) });
        let elsewhere = tokio::runtime::Builder::new_current_thread().build().unwrap();
        elsewhere.block_on(async {
            let asked = tokio::spawn(ask(pipe.clone(), numbered(1), LONG));
            yield_now().await;
            runtime.shutdown_background();
            assert!(matches!(asked.await.unwrap(), Err(Failure::Broken(_))));
            assert!(matches!(ask(pipe, numbered(2), LONG).await, Err(Failure::Broken(_))));
        });
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
