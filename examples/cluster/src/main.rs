//! Two servers that share one session, and a front that sends each request to the next of them.
//!
//! ```console
//! $ cargo run -p cluster                                      # nothing to install: two processes, one SQLite file
//! $ cargo run -p cluster -- --store redis://127.0.0.1:6379    # or redis, postgres://…, mysql://…
//! $ cargo run -p cluster -- --store memory:                   # both nodes in this process
//! ```
//!
//! Then open <http://127.0.0.1:9000>, or:
//!
//! ```console
//! $ curl -c jar -b jar 'http://127.0.0.1:9001/set-session?sessionVal=hello'
//! hello
//! $ curl -c jar -b jar http://127.0.0.1:9002/get-session
//! hello
//! $ curl -c jar -b jar http://127.0.0.1:9000/session.json
//! ```
//!
//! The sessions are in `node.rs`: the annotation, and handlers that take a `Session`. All else is what it takes to
//! run several servers at once. With a real front in place of the built-in one: run each node by
//! `--node PORT --store URL`, and nginx with the `nginx.conf` that lies beside this folder.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line speaks by printing"
)]

mod front;
mod node;
mod options;
mod page;
mod processes;
mod scratch;
mod stop;

use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use axum::Router;
use tokio::net::TcpListener;

use options::{Options, Run};
use processes::Nodes;
use scratch::Scratch;
use stop::Stop;

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> Result {
    let options = Options::parse(std::env::args().skip(1))?;
    match options.run {
        Run::Help => {
            print!("{}", options::USAGE);
            Ok(())
        }
        Run::Node { port, until_stdin_ends } => {
            let stop = Stop::listen(until_stdin_ends)?;
            let layer = node::layer(options.store.as_deref()).await?;
            serve(port, node::routes(port).layer(layer), stop).await
        }
        Run::Cluster { front, nodes } => {
            let stop = Stop::listen(false)?;
            match options.store {
                Some(store) if store.starts_with("memory") => together(front, &nodes, stop).await,
                Some(store) => processes(front, &nodes, &store, stop).await,
                None => {
                    let scratch = Scratch::new()?;
                    processes(front, &nodes, &scratch.store(), stop).await
                }
            }
        }
    }
}

/// The nodes and the front in this process, on one memory store.
async fn together(front: u16, nodes: &[u16], stop: Stop) -> Result {
    let layer = node::layer(None).await?;
    let mut servers = tokio::task::JoinSet::new();
    for port in nodes {
        let listener = listen(*port).await?;
        servers.spawn(run(listener, node::routes(*port).layer(layer.clone()), stop.clone()));
    }
    let listener = listen(front).await?;
    servers.spawn(run(listener, front::router(nodes), stop));
    announce(front, nodes, "in this process, sessions in its memory");
    while let Some(ended) = servers.join_next().await {
        ended??;
    }
    Ok(())
}

/// Each node in a process of its own, on a store that they share, and the front in this one.
async fn processes(front: u16, ports: &[u16], store: &str, stop: Stop) -> Result {
    let nodes = Nodes::start(ports, store).await?;
    // Whoever waits for the front finds the nodes running.
    let listener = listen(front).await?;
    announce(front, ports, "each a process of its own, sessions in the store");
    let outcome = run(listener, front::router(ports), stop).await;
    nodes.end().await;
    outcome
}

async fn serve(port: u16, router: Router, stop: Stop) -> Result {
    let listener = listen(port).await?;
    println!("node  http://127.0.0.1:{port}");
    run(listener, router, stop).await
}

async fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.map_err(|error| format!("cannot listen on port {port}: {error}").into())
}

/// Serves until it is to stop, and then ends what is under way.
async fn run(listener: TcpListener, router: Router, stop: Stop) -> Result {
    let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().asked());
    tokio::select! {
        ended = server => Ok(ended?),
        // Whoever holds a connection open and says nothing does not hold up the end.
        () = stop.overdue() => Ok(()),
    }
}

fn announce(front: u16, nodes: &[u16], how: &str) {
    println!("open  http://127.0.0.1:{front}");
    for port in nodes {
        println!("node  http://127.0.0.1:{port}");
    }
    println!("({how}; Ctrl-C ends them)");
}
