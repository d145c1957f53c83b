//! Load by `wrk`: 64 connections, one session after the other.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::process::Folder;
use crate::{Result, needs};

const CONNECTIONS: &str = "64";

pub(crate) struct Load {
    script: PathBuf,
    url: String,
}

/// What was answered in the time.
pub(crate) struct Answered {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) p99: Duration,
}

impl Load {
    pub(crate) fn new(folder: &Folder, port: u16, path: &str, cookies: &[String]) -> Result<Self> {
        let script = folder.path().join("load.lua");
        fs::write(&script, lua(path, cookies))?;
        Ok(Self { script, url: format!("http://127.0.0.1:{port}") })
    }

    pub(crate) fn run(&self, time: Duration) -> Result<Answered> {
        let output = needs::WRK
            .command()?
            .args(["-t", "1", "-c", CONNECTIONS, "-d", &format!("{}s", time.as_secs()), "-s"])
            .arg(&self.script)
            .arg(&self.url)
            .stdin(Stdio::null())
            .output()?;
        counted(&String::from_utf8_lossy(&output.stdout)).map_err(|error| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("GET {}: {error}{said}", self.url).into()
        })
    }
}

/// The requests are laid out once, so that the generator takes little from the server it shares the machine with.
fn lua(path: &str, cookies: &[String]) -> String {
    let mut script = String::from("local requests = {}\nlocal next = 0\nlocal cookies = {\n");
    for cookie in cookies {
        let _ = writeln!(script, "  \"{cookie}\",");
    }
    let _ = write!(
        script,
        "}}
init = function()
  for i, cookie in ipairs(cookies) do
    requests[i] = wrk.format(\"GET\", \"{path}\", {{ Cookie = cookie }})
  end
  if #cookies == 0 then requests[1] = wrk.format(\"GET\", \"{path}\") end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(\"counted %d %d %d %d\\n\", summary.requests, summary.duration,
    latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end
"
    );
    script
}

/// The line that the script has printed: requests, microseconds, 99th percentile in microseconds, errors.
fn counted(text: &str) -> Result<Answered> {
    let line = text.lines().find_map(|line| line.strip_prefix("counted ")).ok_or("wrk counted nothing")?;
    let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    match numbers[..] {
        [requests, micros, p99, 0] if requests > 0 => Ok(Answered {
            requests,
            seconds: Duration::from_micros(micros).as_secs_f64(),
            p99: Duration::from_micros(p99),
        }),
        [requests, _, _, errors] => Err(format!("{errors} of {requests} requests failed").into()),
        _ => Err("wrk counted otherwise than asked".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_request_is_no_measurement() {
        assert!(counted("counted 1000 3000000 1500 1\n").is_err());
        let answered = counted("Running\ncounted 1000 2000000 1500 0\n").unwrap();
        assert_eq!((answered.requests, answered.p99), (1000, Duration::from_micros(1500)));
        assert!(counted("unable to connect").is_err());
    }
}
