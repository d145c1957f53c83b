use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::{Kind, STEPS, TABLES};
use crate::dialect::Tables;
use crate::driver::{Arg, Driver};
use crate::error::Failure;

/// What a database has of the tables.
pub(crate) struct Found {
    /// How many steps have been taken, or more than there are.
    pub(crate) version: usize,
    pub(crate) missing: Vec<String>,
}

impl Found {
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.version == STEPS.len()
    }

    pub(crate) fn is_newer(&self) -> bool {
        self.version > STEPS.len()
    }
}

pub(crate) async fn look<D: Driver>(
    connection: &mut D::Connection,
    kind: Kind,
    tables: &Tables,
) -> Result<Found, Failure> {
    let mut missing = Vec::new();
    let mut versions_are_there = true;
    for (suffix, columns) in TABLES {
        let table = tables.bare(suffix);
        let there = columns_of::<D>(connection, kind, tables, &table).await?;
        if there.is_empty() {
            versions_are_there &= *suffix != "_schema";
            missing.push(format!("the table {table}"));
            continue;
        }
        let absent = columns.iter().filter(|column| !there.contains(**column));
        missing.extend(absent.map(|column| format!("the column {column} of the table {table}")));
    }
    let mut version = 0;
    if versions_are_there {
        let sql = tables.fill("SELECT max(version) FROM {versions}");
        let row = D::row(connection, &sql, &[]).await?;
        let newest = row.map(|row| D::int(&row, 0)).transpose()?.flatten();
        version = newest.and_then(|newest| usize::try_from(newest).ok()).unwrap_or(0);
    }
    Ok(Found { version, missing })
}

async fn columns_of<D: Driver>(
    connection: &mut D::Connection,
    kind: Kind,
    tables: &Tables,
    table: &str,
) -> Result<BTreeSet<String>, Failure> {
    let schema = tables.schema();
    let mut args = vec![Arg::Text(table)];
    args.extend(schema.map(Arg::Text));
    let rows = D::rows(connection, &columns_query(kind, schema.is_some()), &args).await?;
    let mut names = BTreeSet::new();
    for row in &rows {
        if let Some(name) = D::bytes(row, 0)? {
            names.insert(String::from_utf8_lossy(&name).into_owned());
        }
    }
    Ok(names)
}

fn columns_query(kind: Kind, in_a_schema: bool) -> SqlStr {
    let sql = match (kind, in_a_schema) {
        // pg_attribute and not information_schema: that shows a role only what it may use.
        (Kind::Postgres, false) => {
            "SELECT convert_to(a.attname::text, 'UTF8') FROM pg_attribute AS a
             WHERE a.attrelid = to_regclass(quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped"
        }
        (Kind::Postgres, true) => {
            "SELECT convert_to(a.attname::text, 'UTF8') FROM pg_attribute AS a
             WHERE a.attrelid = to_regclass(quote_ident($2) || '.' || quote_ident($1))
               AND a.attnum > 0 AND NOT a.attisdropped"
        }
        (Kind::MySql, false) => {
            "SELECT CAST(LOWER(column_name) AS BINARY) FROM information_schema.columns
             WHERE table_name = ? AND table_schema = DATABASE()"
        }
        (Kind::MySql, true) => {
            "SELECT CAST(LOWER(column_name) AS BINARY) FROM information_schema.columns
             WHERE table_name = ? AND table_schema = ?"
        }
        (Kind::Sqlite, false) => "SELECT CAST(name AS BLOB) FROM pragma_table_info(?)",
        (Kind::Sqlite, true) => "SELECT CAST(name AS BLOB) FROM pragma_table_info(?, ?)",
    };
    AssertSqlSafe(sql).into_sql_str()
}
