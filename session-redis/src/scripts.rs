use std::sync::LazyLock;

use redis::Cmd;
use session_core::{ENDED_WINDOW, PREVIOUS_GRACE, RENEWAL_WAIT, ROTATED_WINDOW, TOMBSTONE_LIFE, Timestamp};

/// A script as the server knows it.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    sha: String,
}

/// Tries the commands that the others use. Not loaded at each connect: it is run once, at the start.
pub(crate) static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::assemble(include_str!("scripts/probe.lua")));

/// A script of an operation in its two forms. Where events are off nothing of them costs anything.
#[derive(Debug)]
pub(crate) struct Forms {
    plain: Script,
    /// Inside of another one, which answers what there is to tell, and keeps what has expired until it is told.
    telling: Script,
}

impl Forms {
    pub(crate) fn of(&self, is_telling: bool) -> &Script {
        if is_telling { &self.telling } else { &self.plain }
    }
}

macro_rules! scripts {
    (
        operations { $($operation:ident: $name:literal in $around:literal,)* }
        plain { $($plain:ident: $plain_name:literal,)* }
        telling { $($telling:ident: $telling_name:literal,)* }
    ) => {
        $(pub(crate) static $operation: LazyLock<Forms> = LazyLock::new(|| {
            let text = include_str!(concat!("scripts/", $name, ".lua"));
            let around = include_str!(concat!("scripts/told/", $around, ".lua"));
            Forms { plain: Script::assemble(text), telling: Script::assemble_around(text, around) }
        });)*

        $(pub(crate) static $plain: LazyLock<Script> = LazyLock::new(|| {
            Script::assemble(include_str!(concat!("scripts/", $plain_name, ".lua")))
        });)*

        $(pub(crate) static $telling: LazyLock<Script> = LazyLock::new(|| {
            Script::assemble(include_str!(concat!("scripts/events/", $telling_name, ".lua")))
        });)*

        /// All that are needed, to be loaded at each connect.
        pub(crate) fn all(is_telling: bool) -> impl Iterator<Item = &'static Script> {
            let operations = [$($operation.of(is_telling)),*];
            let plain: &[&'static Script] = &[$(&*$plain),*];
            let telling: &[&'static Script] = if is_telling { &[$(&*$telling),*] } else { &[] };
            operations.into_iter().chain(plain.to_vec()).chain(telling.to_vec())
        }
    };
}

scripts! {
    operations {
        CREATE: "create" in "begins",
        PROMOTE: "promote" in "matches",
        TOUCH: "touch" in "extends",
        SAVE: "save" in "matches",
        SAVE_TIMES: "save_times" in "extends",
        ROTATE: "rotate" in "rotates",
        RENEW: "renew" in "matches",
        DELETE: "delete" in "ends_match",
        END: "end" in "ends",
        TAKE: "take" in "matches",
        REPLACE_IF: "replace_if" in "matches",
        SIGN_IN: "sign_in" in "rotates",
        END_MEMBER: "end_member" in "ends",
    }
    plain {
        INDEX_ENROLL: "index_enroll",
        INDEX_EXTEND: "index_extend",
        INDEX_REVOKE: "index_revoke",
        INDEX_DROP: "index_drop",
        INDEX_PAGE: "index_page",
        INDEX_COUNT: "index_count",
    }
    telling {
        EXPECT: "expect",
        CLAIM: "claim",
        RELEASE: "release",
        LOOK: "look",
        CLEAR: "clear",
        TELL: "tell",
        JOIN: "join",
        HEAR: "hear",
    }
}

/// What a line `@include <name>` of a script stands for. One that stands for nothing is no Lua: the server refuses the
/// script at the first connect.
fn part(name: &str) -> Option<&'static str> {
    Some(match name {
        "match" => include_str!("scripts/match.lua"),
        "now" => include_str!("scripts/now.lua"),
        "parse" => include_str!("scripts/parse.lua"),
        "extend" => include_str!("scripts/extend.lua"),
        "expire" => include_str!("scripts/expire.lua"),
        "cap" => include_str!("scripts/cap.lua"),
        "set" => include_str!("scripts/set.lua"),
        "change" => include_str!("scripts/change.lua"),
        "rotated" => include_str!("scripts/rotated.lua"),
        "done" => include_str!("scripts/done.lua"),
        "tombstone" => include_str!("scripts/tombstone.lua"),
        "index" => include_str!("scripts/index.lua"),
        "index_expire" => include_str!("scripts/index_expire.lua"),
        "events/outlive" => include_str!("scripts/events/outlive.lua"),
        "told/expired" => include_str!("scripts/told/expired.lua"),
        "told/unexpired" => include_str!("scripts/told/unexpired.lua"),
        "told/fields" => include_str!("scripts/told/fields.lua"),
        "told/keep" => include_str!("scripts/told/keep.lua"),
        "told/kept" => include_str!("scripts/told/kept.lua"),
        "told/operate" => include_str!("scripts/told/operate.lua"),
        "told/end" => include_str!("scripts/told/end.lua"),
        _ => return None,
    })
}

// The scripts have these as numbers.
const _: () = {
    assert!(ENDED_WINDOW.as_millis() == 2_000);
    assert!(ROTATED_WINDOW.as_millis() == 10_000);
    assert!(PREVIOUS_GRACE.as_millis() == 30_000);
    assert!(RENEWAL_WAIT.as_millis() == 60_000);
    assert!(TOMBSTONE_LIFE.as_millis() == 120_000);
    assert!(Timestamp::NEVER.as_millis() == 253_402_300_799_999);
};

impl Script {
    fn assemble(text: &str) -> Self {
        Self::new(included(text))
    }

    fn assemble_around(text: &str, around: &str) -> Self {
        Self::new(included(around).replace("@operation\n", &included(text)))
    }

    fn new(text: String) -> Self {
        let sha = sha1_smol::Sha1::from(&text).digest().to_string();
        Self { text, sha }
    }

    pub(crate) fn load(&self) -> Cmd {
        let mut cmd = redis::cmd("SCRIPT");
        cmd.arg("LOAD").arg(&self.text);
        cmd
    }

    /// The beginning of a call, to which the script's arguments are added: about `args` with `bytes` in all.
    pub(crate) fn call(&self, key: &str, args: usize, bytes: usize) -> Cmd {
        let mut cmd = Cmd::with_capacity(4 + args, 7 + self.sha.len() + 1 + key.len() + bytes);
        cmd.arg("EVALSHA").arg(&self.sha).arg("1").arg(key);
        cmd
    }
}

/// The text without its comments and indents, its includes filled in.
fn included(text: &str) -> String {
    let mut whole = String::new();
    for line in text.lines().map(str::trim_start) {
        match line.strip_prefix("@include ").and_then(part) {
            Some(part) => whole.push_str(&included(part)),
            None if line.starts_with("--") => {}
            None => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The commands that follow these words in a text, in quotes.
    fn commands(text: &str, before: &str) -> BTreeSet<String> {
        let names = text.split(before).skip(1).filter_map(|rest| rest.split('\'').nth(1));
        names.map(str::to_owned).collect()
    }

    #[test]
    fn every_command_of_the_scripts_is_tried_at_the_start() {
        let always = PROBE.text.split("if ARGV[1] == '1'").next().unwrap();
        for (is_telling, probe) in [(false, always), (true, &PROBE.text)] {
            let texts = || all(is_telling).map(|script| &script.text);
            let mut used: BTreeSet<_> = texts().flat_map(|text| commands(text, "redis.call(")).collect();
            used.extend(texts().flat_map(|text| commands(text, "redis.pcall(")));
            assert!(used.contains("HSET"), "{used:?}");
            assert_eq!(commands(probe, "\ntry("), used);
        }
    }
}
