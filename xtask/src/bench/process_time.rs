//! The CPU time that a process has used.

use std::fs;
use std::time::Duration;

use crate::Result;

/// Linux counts in hundredths of a second, whatever the kernel's own tick is.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads, those included that have ended.
pub(crate) fn of(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or("the process's times cannot be read")?;
    Ok(TICK * ticks)
}

fn ticks(stat: &str) -> Option<u32> {
    // The second field is the program's name, in parentheses: it may hold spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_a_name_with_spaces() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 17 5 0 0 20 0 3 0 1000 0";
        assert_eq!(ticks(stat), Some(22));
    }

    #[test]
    fn a_busy_process_uses_time() {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        assert!(of(std::process::id()).unwrap() > Duration::ZERO);
    }
}
