//! The CPU time that a process has used.

use std::fs;
use std::time::Duration;

use crate::Result;

/// Linux counts in hundredths of a second, whatever the kernel's own tick is.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads, those included that have ended.
pub(crate) fn of(pid: u32) -> Result<Duration> {
    Ok(TICK * read(pid)?.own)
}

/// That of a process and of all that it has forked, those included that have ended.
pub(crate) fn of_family(pid: u32) -> Result<Duration> {
    loop {
        let parent = read(pid)?;
        let children = children(pid)?;
        // What a child has used is the parent's once that has seen its end: then the two were not read of one moment.
        if read(pid)?.ended_children == parent.ended_children {
            return Ok(TICK * (parent.own + parent.ended_children + children));
        }
    }
}

fn children(pid: u32) -> Result<u32> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Ok(other) = read(other)
            && other.parent == pid
        {
            ticks += other.own;
        }
    }
    Ok(ticks)
}

/// What Linux tells of a process; times in [`TICK`]s.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    own: u32,
    ended_children: u32,
}

fn read(pid: u32) -> Result<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(parse(&stat).ok_or("the process's times cannot be read")?)
}

fn parse(stat: &str) -> Option<Stat> {
    // The second field is the program's name, in parentheses: it may hold spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u32>().ok();
    Some(Stat {
        parent: number(1)?,
        own: number(11)? + number(12)?,
        ended_children: number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_a_name_with_spaces() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 17 5 3 4 20 0 3 0 1000 0";
        assert_eq!(parse(stat), Some(Stat { parent: 1, own: 22, ended_children: 7 }));
    }

    #[test]
    fn a_busy_process_uses_time() {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        assert!(of(std::process::id()).unwrap() > Duration::ZERO);
    }

    #[test]
    fn what_a_process_forks_counts_with_it_before_and_after_its_end() {
        let before = of_family(std::process::id()).unwrap();
        let mut busy = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let own = of(busy.id()).unwrap();
        assert!(own > Duration::ZERO);
        assert!(of_family(std::process::id()).unwrap() >= before + own);
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(of_family(std::process::id()).unwrap() >= before + own);
    }
}
