//! What servers of every kind need of the machine.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that nobody listens on: a different one each time, and none that an outgoing connection is given
/// (on Linux those begin at 32768), which would otherwise take it from a server that is down.
///
/// # Panics
///
/// Where none is free.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that test at the same time begin at different places.
    let begin = std::process::id().wrapping_mul(97);
    let mut candidates = (0..COUNT).filter_map(|_| {
        let turn = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        u16::try_from(FIRST + turn).ok()
    });
    candidates.find(|port| is_free(*port)).expect("a free port")
}

/// By a socket that is bound and never listens. One that does would answer for a moment yet: a process that another
/// thread is starting has it, too, until it executes its program.
fn is_free(port: u16) -> bool {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket whose address can be taken again");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).is_ok()
}

/// Looks again and again, for a minute at most.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "not within a minute: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::process::Command;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn nobody_answers_at_a_free_port_while_others_start_processes() {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    Command::new("true").status().unwrap();
                }
            });
            let answered =
                (0..2_000).filter(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, free_port())).is_ok());
            let answered = answered.count();
            over.store(true, Ordering::Relaxed);
            assert_eq!(answered, 0);
        });
    }
}
