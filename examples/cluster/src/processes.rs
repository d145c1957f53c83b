//! Nodes as processes: this program, run again.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Result;
use crate::options::UNTIL_STDIN_ENDS;

/// How long a node may take to end before it is killed: more than its own grace.
const GRACE: Duration = Duration::from_secs(5);

/// Ends with its nodes: they also end when this process does, because their standard input then does.
pub(crate) struct Nodes(Vec<Child>);

impl Nodes {
    /// Starts a node on each port, and returns when they listen.
    pub(crate) async fn start(ports: &[u16], store: &str) -> Result<Self> {
        let program = env::current_exe()?;
        let mut nodes = Self(Vec::new());
        for port in ports {
            let node = Command::new(&program)
                .args(["--node", &port.to_string(), UNTIL_STDIN_ENDS])
                // Not as an argument: the URL may hold a password, and everybody sees arguments.
                .env("SESSION_STORE", store)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            nodes.0.push(node);
        }
        for (node, port) in nodes.0.iter_mut().zip(ports) {
            listening(node, *port).await?;
        }
        Ok(nodes)
    }

    /// Asks all of them to end, and waits.
    pub(crate) async fn end(mut self) {
        for node in &mut self.0 {
            drop(node.stdin.take());
        }
        for node in &mut self.0 {
            // One that does not end in time is killed when it is dropped.
            let _ = timeout(GRACE, node.wait()).await;
        }
    }
}

/// A node says where it listens as soon as it does. That the port answers would prove nothing: it may be somebody
/// else's.
async fn listening(node: &mut Child, port: u16) -> Result {
    let stdout = node.stdout.take().ok_or("the node's output was not piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    if line.is_empty() {
        let status = node.wait().await?;
        return Err(format!("the node on port {port} ended at its start ({status})").into());
    }
    Ok(())
}
