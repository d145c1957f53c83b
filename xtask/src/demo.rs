//! `cargo xtask demo`: the cluster example as it would run in production. Two nodes as two processes share their
//! sessions in a private Redis, behind a private nginx that takes them in turn.

use std::fs;
use std::process::{Command, Stdio};

use crate::process::{Folder, Interrupt, Process, free_ports};
use crate::servers::Redis;
use crate::{Result, needs, no_arguments, step};

pub(crate) fn run(args: &[String]) -> Result {
    no_arguments(args)?;
    needs::provide(&[needs::REDIS, needs::NGINX])?;
    step::run(step::cargo().args(["build", "-p", "cluster"]))?;
    let interrupt = Interrupt::listen()?;
    let redis = Redis::start("demo")?;
    let [front, first, second] = free_ports()?;
    let _nodes = [start_node(first, &redis.url())?, start_node(second, &redis.url())?];
    let folder = Folder::new("nginx-demo")?;
    let _nginx = start_nginx(&folder, front, [first, second])?;
    println!("nginx   http://127.0.0.1:{front}");
    println!("nodes   http://127.0.0.1:{first} and http://127.0.0.1:{second}");
    println!("store   {}", redis.url());
    println!("Ctrl-C ends them");
    interrupt.wait();
    Ok(())
}

fn start_node(port: u16, store: &str) -> Result<Process> {
    let mut command = Command::new(step::target()?.join("debug/cluster"));
    command.args(["--node", &port.to_string(), "--store", store]).stdout(Stdio::null());
    let mut node = Process::start("a node", &mut command)?;
    node.wait_for(port)?;
    Ok(node)
}

/// nginx with the example's own configuration, moved to these ports and into this folder.
fn start_nginx(folder: &Folder, front: u16, nodes: [u16; 2]) -> Result<Process> {
    let config = fs::read_to_string(step::workspace().join("examples/cluster/nginx.conf"))?
        .replace("127.0.0.1:9000", &format!("127.0.0.1:{front}"))
        .replace("127.0.0.1:9001", &format!("127.0.0.1:{}", nodes[0]))
        .replace("127.0.0.1:9002", &format!("127.0.0.1:{}", nodes[1]));
    let path = folder.path().join("nginx.conf");
    fs::write(&path, config)?;
    let mut command = needs::NGINX.command()?;
    command.arg("-p").arg(folder.path()).arg("-c").arg(&path).args(["-e", "stderr"]);
    // One process, so that ending it leaves no worker behind.
    command.args(["-g", "daemon off; master_process off;"]);
    let mut nginx = Process::start("nginx", &mut command)?;
    nginx.wait_for(front)?;
    Ok(nginx)
}
