//! The programs that the tests and benches drive for real, and where they come from.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, step};

/// A program and the Debian package that has it.
#[derive(Clone, Copy)]
pub(crate) struct Need {
    program: &'static str,
    package: &'static str,
}

pub(crate) const REDIS: Need = Need { program: "redis-server", package: "redis-server" };
pub(crate) const POSTGRES: Need = Need { program: "postgres", package: "postgresql" };
pub(crate) const PSQL: Need = Need { program: "psql", package: "postgresql" };
pub(crate) const MARIADB: Need = Need { program: "mariadbd", package: "mariadb-server" };
pub(crate) const NGINX: Need = Need { program: "nginx", package: "nginx" };
pub(crate) const WRK: Need = Need { program: "wrk", package: "wrk" };

/// What `cargo test` on the whole workspace drives.
pub(crate) const TESTS: [Need; 4] = [REDIS, POSTGRES, MARIADB, NGINX];

impl Need {
    /// Where the program is. Servers lie in `sbin`, which an ordinary user's `PATH` often leaves out; Debian keeps
    /// each version of PostgreSQL in a folder of its own.
    pub(crate) fn path(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        std::env::split_paths(&path)
            .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
            .chain(versions.map(|version| version.path().join("bin")))
            .map(|folder| folder.join(self.program))
            .find(|candidate| candidate.is_file())
    }

    pub(crate) fn command(self) -> Result<Command> {
        let path = self.path().ok_or_else(|| format!("{} is not installed", self.program))?;
        Ok(Command::new(path))
    }
}

/// Sees to it that all of these are there: installs what is missing when that is possible, and else fails with the
/// command that does it.
pub(crate) fn provide(needs: &[Need]) -> Result {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| need.path().is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !is_root() || !Path::new("/usr/bin/apt-get").exists() {
        let programs: Vec<&str> = missing.iter().map(|need| need.program).collect();
        return Err(format!(
            "these programs are missing: {}. On Debian or Ubuntu:\n\n    sudo apt-get update && sudo apt-get \
             install -y --no-install-recommends {}\n",
            programs.join(", "),
            packages.join(" ")
        )
        .into());
    }
    step::run(apt_get().arg("update"))?;
    step::run(apt_get().args(["install", "-y", "--no-install-recommends"]).args(&packages))?;
    match missing.iter().find(|need| need.path().is_none()) {
        None => Ok(()),
        Some(need) => Err(format!("{} is missing though it was installed", need.program).into()),
    }
}

fn apt_get() -> Command {
    let mut command = Command::new("/usr/bin/apt-get");
    // The packages would start a server each; the tests start private ones.
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdin(Stdio::null()).arg("-qq");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Whom a server runs as that refuses to run as root: somebody who may do nothing else. `None`: as whoever runs this.
pub(crate) fn unprivileged() -> Result<Option<(u32, u32)>> {
    if !is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let nobody =
        users.lines().find_map(|line| line.strip_prefix("nobody:")).ok_or("there is no user nobody")?;
    let mut numbers = nobody.split(':').skip(1).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(user), Some(group)) => Ok(Some((user?, group?))),
        _ => Err("the user nobody has no numbers".into()),
    }
}
