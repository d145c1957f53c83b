//! The command line.

use std::env;

use crate::Result;

pub(crate) const USAGE: &str = "\
Two servers that share one session, and a front that takes them in turn.

  cluster [--store URL] [--front PORT] [--nodes PORT,PORT]
  cluster --node PORT [--store URL]

  --store URL    where the sessions are: redis://…, postgres://…, mysql://…, sqlite://path. Each node is a process
                 of its own; but with memory: all is in one. Without it SESSION_STORE is asked, and without that
                 it is a SQLite file that ends with this program
  --front PORT   where the front listens (9000)
  --nodes PORTS  where the nodes listen (9001,9002)
  --node PORT    one node alone, in the foreground
";

pub(crate) struct Options {
    pub(crate) run: Run,
    pub(crate) store: Option<String>,
}

pub(crate) enum Run {
    Help,
    Cluster { front: u16, nodes: Vec<u16> },
    Node { port: u16, until_stdin_ends: bool },
}

/// What a node that this program starts is told besides: to end when its parent does.
pub(crate) const UNTIL_STDIN_ENDS: &str = "--until-stdin-ends";

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut store = env::var("SESSION_STORE").ok().filter(|url| !url.is_empty());
        let (mut front, mut nodes, mut node) = (9000, vec![9001, 9002], None);
        let mut until_stdin_ends = false;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n\n{USAGE}"));
            match arg.as_str() {
                "-h" | "--help" => return Ok(Self { run: Run::Help, store: None }),
                UNTIL_STDIN_ENDS => until_stdin_ends = true,
                "--store" => store = Some(value()?),
                "--front" => front = port(&value()?)?,
                "--nodes" => nodes = value()?.split(',').map(port).collect::<Result<_>>()?,
                "--node" => node = Some(port(&value()?)?),
                _ => return Err(format!("there is no option {arg:?}\n\n{USAGE}").into()),
            }
        }
        let run = match node {
            Some(port) => Run::Node { port, until_stdin_ends },
            None => Run::Cluster { front, nodes },
        };
        Ok(Self { run, store })
    }
}

fn port(text: &str) -> Result<u16> {
    text.trim().parse().map_err(|_| format!("{text:?} is no port").into())
}
