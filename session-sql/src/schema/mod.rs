//! The tables: what they must be, and how they come about.

mod catalogue;
mod migrate;

pub(crate) use migrate::prepare;

use crate::dialect::Tables;

/// What a store does about the tables when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Migrate {
    /// Creates what is missing, in whatever state the database is. Any number of processes may do so at once.
    #[default]
    Auto,
    /// Looks, and says what is missing. Needs no right to change the schema.
    Check,
    /// Neither: the first operation fails when something is missing.
    Never,
}

/// A step from one version of the tables to the next: the statements, by database.
struct Step {
    postgres: &'static str,
    mysql: &'static str,
    sqlite: &'static str,
}

/// Every step can be taken again: a database without transactions for its schema may have taken half of it.
const STEPS: &[Step] = &[Step {
    postgres: include_str!("v1/postgres.sql"),
    mysql: include_str!("v1/mysql.sql"),
    sqlite: include_str!("v1/sqlite.sql"),
}];

/// What a table's name ends with, and the columns that the store needs.
const TABLES: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "locator",
            "namespace",
            "digest",
            "candidate",
            "candidate_at",
            "previous",
            "previous_until",
            "superseded_at",
            "created_at",
            "last_accessed",
            "idle",
            "ends_at",
            "expires_at",
            "renewed_at",
            "principal",
            "principal_key",
            "signed_in_at",
            "ended_at",
            "last_op",
        ],
    ),
    ("_attribute", &["session", "name", "value"]),
    ("_principal", &["principal_key", "revoked_at", "expires_at"]),
    ("_event", &["id", "namespace", "kind", "locator", "principal", "attributes", "happened_at"]),
    ("_group", &["group_key", "namespace", "name", "next_after", "late", "used_at"]),
    ("_claim", &["group_key", "event", "attempt", "handed_out_at"]),
    ("_schema", &["version"]),
];

/// Whose statements are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MySql,
    Sqlite,
}

impl Kind {
    pub(crate) const fn quote(self) -> char {
        match self {
            Self::MySql => '`',
            Self::Postgres | Self::Sqlite => '"',
        }
    }

    const fn step(self, step: &Step) -> &'static str {
        match self {
            Self::Postgres => step.postgres,
            Self::MySql => step.mysql,
            Self::Sqlite => step.sqlite,
        }
    }

    const fn versions(self) -> &'static str {
        match self {
            Self::Postgres => "CREATE TABLE IF NOT EXISTS {versions} (version bigint PRIMARY KEY);\n",
            Self::MySql => {
                "CREATE TABLE IF NOT EXISTS {versions} (version BIGINT PRIMARY KEY) ENGINE = InnoDB;\n"
            }
            Self::Sqlite => "CREATE TABLE IF NOT EXISTS {versions} (version INTEGER PRIMARY KEY);\n",
        }
    }
}

/// The statements that lead from version `from` to the newest.
fn statements(kind: Kind, tables: &Tables, from: usize) -> String {
    let mut all = kind.versions().to_owned();
    for (before, step) in STEPS.iter().enumerate().skip(from) {
        all.push('\n');
        all.push_str(kind.step(step));
        all.push_str(&format!("\nINSERT INTO {{versions}} (version) VALUES ({});\n", before + 1));
    }
    tables.text(&all)
}

/// All statements, for an administrator who runs them by hand.
pub(crate) fn ddl(kind: Kind, tables: &Tables) -> String {
    statements(kind, tables, 0)
}
