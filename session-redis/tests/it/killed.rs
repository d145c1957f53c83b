//! A limit of sessions, and nodes that are killed in the midst of sign-ins: real processes, by SIGKILL.
//!
//! A node is this program once more, told to run the same test: there it finds [`NODE`] in its environment, and does a
//! node's work instead of the test's. `SESSION_KILLS` says how many nodes each test kills: 100, if nothing is said.

use std::collections::HashSet;
use std::env;
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use session_core::{
    Beyond, Changes, Created, Digest, Expiry, Handle, Load, NewRecord, OsRandom, Page, Principal, Principals,
    Random as _, Select, SessionLimit, SessionStore as _, SignIn, SignedIn, StoredId,
};
use session_redis::RedisStore;
use session_testkit::{RedisCluster, RedisServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::support::{NOW, namespace, op};

/// In a node's environment: where the test listens for it, the namespace, and the store's URL.
const NODE: &str = "SESSION_TEST_NODE";

const HOUR: Duration = Duration::from_secs(3600);

const LIMIT: usize = 3;
/// How many sign in at once, and how many of them on the node that is killed.
const AT_ONCE: u8 = 64;
const ON_THE_NODE: u8 = 32;
/// Afterwards: one more than the limit, so that what the dead node has left is found and counts no longer.
const AFTERWARDS: u8 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_of_a_server_are_killed_in_the_midst_of_sign_ins() {
    let this = "killed::nodes_of_a_server_are_killed_in_the_midst_of_sign_ins";
    if !is_a_node().await {
        let server = RedisServer::shared();
        never_more_than_the_limit(this, server.url()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_of_a_cluster_are_killed_in_the_midst_of_sign_ins() {
    let this = "killed::nodes_of_a_cluster_are_killed_in_the_midst_of_sign_ins";
    if !is_a_node().await {
        let cluster = RedisCluster::shared();
        never_more_than_the_limit(this, cluster.url()).await;
    }
}

async fn never_more_than_the_limit(test: &'static str, url: String) {
    let namespace = namespace();
    let start = {
        let (url, namespace) = (url.clone(), namespace.clone());
        move || tokio::spawn(Node::start(test, url.clone(), namespace.clone()))
    };
    let stores = [store(&url, &namespace).await, store(&url, &namespace).await];
    let rounds =
        env::var("SESSION_KILLS").map_or(100, |text| text.parse().expect("SESSION_KILLS is a number"));
    // As long as a node needs for its share, as the rounds so far have shown.
    let mut share = Duration::from_millis(20);
    let (mut killed, mut round) = (0, 0);
    let mut next = start();
    while killed < rounds {
        let node = std::mem::replace(&mut next, start()).await.unwrap();
        let steps = Race::of(round).run(&stores, node, share.mul_f64(fraction())).await;
        // One node in six has done all of its share before it is killed.
        share = share.mul_f64(if steps < STEPS { 1.02 } else { 0.9 });
        killed += u64::from((1..STEPS).contains(&steps));
        round += 1;
        assert!(round < 10 * rounds + 100, "hardly a node was killed in the midst of its work");
    }
    // The last one was not needed.
    drop(next.await);
}

/// Sign-ins of one principal, some of them on a node that dies.
#[derive(Clone, Copy)]
struct Race {
    round: u64,
    limit: SessionLimit,
}

/// A session's id before its sign-in and after it. They follow from the round and the session's number: so all sessions
/// can be looked at, whoever began them.
struct Names {
    begun: StoredId,
    signed_in: StoredId,
}

impl Race {
    fn of(round: u64) -> Self {
        let limits = [SessionLimit::evict_oldest, SessionLimit::evict_idle, SessionLimit::reject];
        Self { round, limit: limits[(round % 3) as usize](LIMIT).unwrap() }
    }

    /// How many steps the node has done before it was killed.
    async fn run(self, stores: &[Arc<RedisStore>; 2], mut node: Node, life: Duration) -> usize {
        node.control.write_u64(self.round).await.unwrap();
        let mut signing_in = JoinSet::new();
        for number in ON_THE_NODE..AT_ONCE {
            let store = Arc::clone(&stores[usize::from(number) % 2]);
            signing_in.spawn(async move {
                self.begin(&store, number).await;
                let answer = self.sign_in(&store, number).await;
                assert!(self.at_once(&store).await <= LIMIT, "when a sign-in returns, the evicted are dead");
                (number, answer)
            });
        }
        let steps = node.killed_after(life).await;
        let answers = signing_in.join_all().await;

        let [store, _] = stores;
        let alive = self.alive(store).await;
        assert!(alive.len() <= LIMIT, "{alive:?}");
        for (number, answer) in answers {
            match answer {
                SignedIn::Applied if self.limit.beyond() == Beyond::Reject => {
                    assert!(alive.contains(&number))
                }
                SignedIn::Applied => {}
                SignedIn::Gone | SignedIn::Full => assert!(!alive.contains(&number)),
                SignedIn::Absent | SignedIn::Other | SignedIn::Revoked => panic!("{answer:?}"),
            }
        }
        self.afterwards(store).await;
        steps
    }

    /// Whoever comes next finishes what the dead node has left.
    async fn afterwards(self, store: &RedisStore) {
        for number in AT_ONCE..AT_ONCE + AFTERWARDS {
            self.begin(store, number).await;
            let answer = self.sign_in(store, number).await;
            let alive = self.alive(store).await;
            if self.limit.beyond() == Beyond::Reject {
                // A place that the dead node has taken is free when the session that it began has ended.
                assert!(alive.len() <= LIMIT && [SignedIn::Applied, SignedIn::Full].contains(&answer));
                assert_eq!(alive.contains(&number), answer == SignedIn::Applied);
            } else {
                assert!(alive.len() <= LIMIT && alive.contains(&number) && answer == SignedIn::Applied);
            }
        }
        let alive = self.alive(store).await;
        if self.limit.beyond() != Beyond::Reject {
            assert_eq!(alive.len(), LIMIT, "nobody is missing because of a node that is dead");
        }
        let page = Page::first(100);
        let found = Principals::find(store, &self.principal(), Select::Metadata, &page).await.unwrap();
        let found: HashSet<_> = found.sessions.into_iter().map(|(handle, _)| handle).collect();
        assert_eq!(found, alive.iter().map(|number| *self.names(*number).signed_in.handle()).collect());
    }

    async fn begin(self, store: &RedisStore, number: u8) {
        let new = NewRecord::new(Expiry::idle(HOUR).unwrap());
        let created = store.create(&self.names(number).begun, &new, NOW).await.unwrap();
        assert_eq!(created, Created::Created);
    }

    async fn sign_in(self, store: &RedisStore, number: u8) -> SignedIn {
        let Names { begun, signed_in } = self.names(number);
        let expiry = Expiry::idle(HOUR).unwrap();
        let request = SignIn::new(self.principal(), *signed_in.digest(), expiry, Changes::new(), op());
        store.sign_in(&begun, &request.with_limit(self.limit), NOW).await.unwrap()
    }

    /// How many are alive in the same moment. Sessions do not come back: those seen twice were alive in between.
    async fn at_once(self, store: &RedisStore) -> usize {
        let first = self.alive(store).await;
        let again = self.alive(store).await;
        first.intersection(&again).count()
    }

    async fn alive(self, store: &RedisStore) -> HashSet<u8> {
        let looking = (0..AT_ONCE + AFTERWARDS).map(|number| async move {
            let found = store.load(&self.names(number).signed_in, Select::Metadata, NOW).await.unwrap();
            matches!(found, Load::Live { .. }).then_some(number)
        });
        join_all(looking).await.into_iter().flatten().collect()
    }

    fn principal(self) -> Principal {
        format!("ada {}", self.round).as_str().into()
    }

    fn names(self, number: u8) -> Names {
        let bytes = |kind: u8| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&self.round.to_be_bytes());
            bytes[8..10].copy_from_slice(&[number, kind]);
            bytes
        };
        let id = |digest| StoredId::new(Handle::from_bytes(bytes(0)), Digest::from_bytes(bytes(digest)));
        Names { begun: id(1), signed_in: id(2) }
    }
}

/// A process of its own, connected and waiting for the number of its round.
struct Node {
    process: Process,
    control: TcpStream,
}

/// A process that does not outlive whoever started it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Node {
    async fn start(test: &str, url: String, namespace: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut node = Command::new(env::current_exe().unwrap());
        node.args([test, "--exact", "--nocapture"]).env(NODE, format!("{port} {namespace} {url}"));
        let process = Process(node.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let accepted = timeout(Duration::from_secs(60), listener.accept()).await;
        let (control, _) = accepted.expect("a node starts within a minute").unwrap();
        Self { process, control }
    }

    /// Kills it after so long. How many steps it has told of by then.
    async fn killed_after(self, life: Duration) -> usize {
        let Self { mut process, mut control } = self;
        let dead = spawn_blocking(move || {
            std::thread::sleep(life);
            process.0.kill().unwrap();
            process.0.wait().unwrap()
        });
        let status = dead.await.unwrap();
        assert_eq!(status.signal(), Some(9), "{status}");
        let mut steps = Vec::new();
        // A connection is reset when the node was dead before it had read the round.
        let _ = control.read_to_end(&mut steps).await;
        steps.len()
    }
}

/// What a node says of its share: a byte for each session that has begun, and one for each that is signed in.
const STEPS: usize = 2 * ON_THE_NODE as usize;

/// Does a node's work, if this process is one.
async fn is_a_node() -> bool {
    let Ok(told) = env::var(NODE) else { return false };
    let [port, namespace, url] = told.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let store = store(url, namespace).await;
    let (mut control, says) =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port.parse().unwrap())).await.unwrap().into_split();
    // Whoever started it may be gone.
    let Ok(round) = control.read_u64().await else { return true };
    let (race, says) = (Race::of(round), Arc::new(says));
    let mut signing_in = JoinSet::new();
    for number in 0..ON_THE_NODE {
        let (store, says) = (Arc::clone(&store), Arc::clone(&says));
        signing_in.spawn(async move {
            race.begin(&store, number).await;
            says.try_write(b"b").unwrap();
            race.sign_in(&store, number).await;
            says.try_write(b"s").unwrap();
        });
    }
    signing_in.join_all().await;
    // It lives until it is killed.
    let _ = control.read_u8().await;
    true
}

async fn store(url: &str, namespace: &str) -> Arc<RedisStore> {
    // This is not about the budget: a busy machine must not use it up.
    let builder = RedisStore::builder(url).namespace(namespace).budget(Duration::from_secs(20));
    Arc::new(builder.connect().await.unwrap())
}

/// From nothing to one.
fn fraction() -> f64 {
    let mut byte = [0];
    OsRandom::default().fill(&mut byte).unwrap();
    f64::from(byte[0]) / 255.0
}
