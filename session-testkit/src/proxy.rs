use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A TCP proxy on a free port of 127.0.0.1, between a client and a server: it stalls, swallows and cuts.
///
/// It runs on the runtime that it is started on. Dropping it cuts all of its connections.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    listener: AbortHandle,
}

/// What a [`Proxy`] does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a test picks one")]
pub enum Traffic {
    /// Everything passes.
    Pass,
    /// Nothing passes for now: what comes is held, and passed on when it is `Pass` again.
    Stall,
    /// Nothing passes, as when a firewall has forgotten a connection. The connections that are open now, and those
    /// that are opened meanwhile, never carry a byte again, and are not closed either.
    Swallow,
    /// New connections are closed at once; the open ones go on.
    Refuse,
}

#[derive(Debug)]
struct Shared {
    server: AtomicU16,
    traffic: watch::Sender<Traffic>,
    trap: Mutex<Trap>,
    wires: Mutex<Vec<Wire>>,
    cuts: AtomicU64,
}

/// What cuts the connections next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trap {
    None,
    Request,
    AnswerOfNextRequest,
    Answer,
    WithinAnswer,
}

/// One connection through the proxy.
#[derive(Debug)]
struct Wire {
    task: AbortHandle,
    forgotten: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy in front of the server at this port of 127.0.0.1.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("the address of a bound socket").port();
        let shared = Arc::new(Shared {
            server: AtomicU16::new(server),
            traffic: watch::Sender::new(Traffic::Pass),
            trap: Mutex::new(Trap::None),
            wires: Mutex::new(Vec::new()),
            cuts: AtomicU64::new(0),
        });
        let listener = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Self { port, shared, listener }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Treats the connections like this from now on.
    pub fn set(&self, traffic: Traffic) {
        if traffic == Traffic::Swallow {
            for wire in self.shared.wires().iter() {
                wire.forgotten.store(true, Ordering::SeqCst);
            }
        }
        self.shared.traffic.send_replace(traffic);
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Cuts all connections when the next bytes come from a client: the server does not see them.
    pub fn cut_before_next_request(&self) {
        *self.shared.trap() = Trap::Request;
    }

    /// Cuts all connections when the server has answered the next bytes that come from a client: the server has
    /// done what they ask for, and the client does not hear of it.
    pub fn cut_after_next_request(&self) {
        *self.shared.trap() = Trap::AnswerOfNextRequest;
    }

    /// Cuts all connections in the middle of the next bytes that come from the server.
    pub fn cut_within_next_answer(&self) {
        *self.shared.trap() = Trap::WithinAnswer;
    }

    /// Leads new connections to the server at another port, as a name does after a failover.
    pub fn lead_to(&self, server: u16) {
        self.shared.server.store(server, Ordering::SeqCst);
    }

    /// How often it has cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.shared.cut();
    }
}

impl Shared {
    fn wires(&self) -> MutexGuard<'_, Vec<Wire>> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trap(&self) -> MutexGuard<'_, Trap> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        for wire in self.wires().drain(..) {
            wire.task.abort();
        }
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a request is the one that cuts before the server sees it.
    fn springs_at_request(&self) -> bool {
        let mut trap = self.trap();
        match *trap {
            Trap::Request => {
                *trap = Trap::None;
                return true;
            }
            Trap::AnswerOfNextRequest => *trap = Trap::Answer,
            Trap::None | Trap::Answer | Trap::WithinAnswer => {}
        }
        false
    }

    /// How many bytes of an answer the client still sees, if it is the one that cuts.
    fn springs_at_answer(&self, bytes: usize) -> Option<usize> {
        let mut trap = self.trap();
        let seen = match *trap {
            Trap::Answer => 0,
            Trap::WithinAnswer => bytes / 2,
            Trap::None | Trap::Request | Trap::AnswerOfNextRequest => return None,
        };
        *trap = Trap::None;
        Some(seen)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let traffic = *shared.traffic.borrow();
        if traffic == Traffic::Refuse {
            continue;
        }
        let forgotten = Arc::new(AtomicBool::new(traffic == Traffic::Swallow));
        let carried = carry(client, Arc::clone(&shared), Arc::clone(&forgotten));
        let task = tokio::spawn(async { drop(carried.await) }).abort_handle();
        shared.wires().push(Wire { task, forgotten });
    }
}

/// Carries the bytes of one connection until one side closes it.
async fn carry(mut client: TcpStream, shared: Arc<Shared>, forgotten: Arc<AtomicBool>) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server.load(Ordering::SeqCst))).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut traffic = shared.traffic.subscribe();
    let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let (bytes, is_request) = tokio::select! {
            read = client.read(&mut request) => (&request[..read?], true),
            read = server.read(&mut answer) => (&answer[..read?], false),
        };
        let _ = traffic.wait_for(|traffic| *traffic != Traffic::Stall).await;
        if forgotten.load(Ordering::SeqCst) {
            return pending().await;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if is_request && shared.springs_at_request() {
            shared.cut();
            return Ok(());
        }
        let cut = if is_request { None } else { shared.springs_at_answer(bytes.len()) };
        if let Some(seen) = cut {
            client.write_all(&bytes[..seen]).await?;
            client.flush().await?;
            shared.cut();
            return Ok(());
        }
        let to = if is_request { &mut server } else { &mut client };
        to.write_all(bytes).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    /// Answers each byte with the next letter.
    async fn server() -> (u16, Arc<Mutex<Vec<u8>>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let sees = Arc::clone(&sees);
                tokio::spawn(async move {
                    while let Ok(byte) = client.read_u8().await {
                        sees.lock().unwrap().push(byte);
                        client.write_u8(byte + 1).await.unwrap();
                    }
                });
            }
        });
        (port, seen)
    }

    async fn connected(proxy: &Proxy) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await.unwrap()
    }

    async fn asked(client: &mut TcpStream, byte: u8) -> io::Result<u8> {
        client.write_u8(byte).await?;
        client.read_u8().await
    }

    #[tokio::test]
    async fn it_passes_and_holds_back_and_passes_again() {
        let (port, _) = server().await;
        let proxy = Proxy::start(port).await;
        let mut client = connected(&proxy).await;
        assert_eq!(asked(&mut client, b'a').await.unwrap(), b'b');

        proxy.set(Traffic::Stall);
        assert!(timeout(SOON, asked(&mut client, b'c')).await.is_err());
        proxy.set(Traffic::Pass);
        assert_eq!(client.read_u8().await.unwrap(), b'd');
    }

    #[tokio::test]
    async fn a_connection_that_was_forgotten_stays_so_and_a_new_one_works() {
        let (port, seen) = server().await;
        let proxy = Proxy::start(port).await;
        let mut old = connected(&proxy).await;
        assert_eq!(asked(&mut old, b'a').await.unwrap(), b'b');

        proxy.set(Traffic::Swallow);
        let mut meanwhile = connected(&proxy).await;
        assert!(timeout(SOON, asked(&mut meanwhile, b'x')).await.is_err());
        proxy.set(Traffic::Pass);
        assert!(timeout(SOON, asked(&mut old, b'x')).await.is_err());
        assert!(timeout(SOON, asked(&mut meanwhile, b'x')).await.is_err());
        assert_eq!(asked(&mut connected(&proxy).await, b'c').await.unwrap(), b'd');
        assert_eq!(*seen.lock().unwrap(), b"ac");
    }

    #[tokio::test]
    async fn it_cuts_before_and_after_the_server_has_seen_a_request() {
        let (port, seen) = server().await;
        let proxy = Proxy::start(port).await;
        proxy.cut_before_next_request();
        assert!(asked(&mut connected(&proxy).await, b'x').await.is_err());
        assert!(seen.lock().unwrap().is_empty());

        proxy.cut_after_next_request();
        assert!(asked(&mut connected(&proxy).await, b'a').await.is_err());
        assert_eq!(*seen.lock().unwrap(), b"a");
        assert_eq!(asked(&mut connected(&proxy).await, b'b').await.unwrap(), b'c');
        assert_eq!(proxy.cuts(), 2);
    }

    #[tokio::test]
    async fn it_cuts_in_the_middle_of_an_answer() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
        proxy.cut_within_next_answer();
        let mut client = connected(&proxy).await;
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_u8(b'?').await.unwrap();
        server.write_all(b"answer").await.unwrap();
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.unwrap();
        assert_eq!((seen.as_slice(), proxy.cuts()), (b"ans".as_slice(), 1));
    }

    #[tokio::test]
    async fn it_leads_new_connections_elsewhere() {
        let (one, other) = (server().await, server().await);
        let proxy = Proxy::start(one.0).await;
        let mut old = connected(&proxy).await;
        assert_eq!(asked(&mut old, b'a').await.unwrap(), b'b');
        proxy.lead_to(other.0);
        assert_eq!(asked(&mut connected(&proxy).await, b'c').await.unwrap(), b'd');
        assert_eq!(asked(&mut old, b'e').await.unwrap(), b'f');
        assert_eq!(
            (one.1.lock().unwrap().as_slice(), other.1.lock().unwrap().as_slice()),
            (&b"ae"[..], &b"c"[..])
        );
    }

    #[tokio::test]
    async fn it_refuses_new_connections_and_keeps_the_open_ones() {
        let (port, _) = server().await;
        let proxy = Proxy::start(port).await;
        let mut open = connected(&proxy).await;
        assert_eq!(asked(&mut open, b'a').await.unwrap(), b'b');
        proxy.set(Traffic::Refuse);
        assert!(asked(&mut connected(&proxy).await, b'x').await.is_err());
        assert_eq!(asked(&mut open, b'c').await.unwrap(), b'd');
        proxy.cut();
        assert!(asked(&mut open, b'x').await.is_err());
    }
}
