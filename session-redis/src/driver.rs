use std::collections::VecDeque;
use std::io;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::BytesMut;
use redis::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::{Sleep, sleep_until};

use crate::error::Failure;
use crate::pipe::{Broken, Shared, Waiting};
use crate::reader::Reader;

/// The task that writes a connection's commands and reads their replies.
pub(crate) struct Driver<S> {
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

/// From so many replies owed on, a connection is busy.
pub(crate) const BUSY: usize = 8;

/// How much is read at once, at least.
const PIECE: usize = 32 * 1024;

/// What a buffer may keep for later when it is empty.
const KEPT: usize = 4 * PIECE;

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
    pub(crate) fn new(stream: S, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            shared,
            commands: Vec::new(),
            written: 0,
            reader: Reader::default(),
            waiting: VecDeque::new(),
            alarm: None,
            has_waited: false,
        }
    }

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
        let _ = self.shared.broken.set(broken.clone());
        let left = mem::take(&mut queue.waiting);
        drop(queue);
        for mut waiting in self.waiting.drain(..).chain(left) {
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
        let written = self.write(cx);
        // Also when nothing can be written any longer: what the server has answered by then is known.
        self.read(cx)?;
        self.give_up(cx);
        written
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
        let first = queue.waiting.iter().filter_map(Waiting::deadline).min();
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
                Some(mut waiting) => {
                    replies += 1;
                    waiting.answer(Ok(reply));
                }
                // What a server says before it hangs up on somebody who has not asked.
                None if matches!(reply, Value::ServerError(_)) => {}
                None => return Err(Broken::Unreadable),
            }
        }
        self.shared.heard_at(Instant::now());
        self.shared.owed.fetch_sub(replies, Ordering::Release);
        Ok(())
    }

    /// Lets those go whose time is over.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        while let Some(alarm) = &mut self.alarm
            && alarm.as_mut().poll(cx).is_ready()
        {
            let now = Instant::now();
            for waiting in &mut self.waiting {
                if waiting.deadline().is_some_and(|deadline| deadline <= now) {
                    waiting.answer(Err(Failure::Silent));
                }
            }
            match self.waiting.iter().filter_map(Waiting::deadline).min() {
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
