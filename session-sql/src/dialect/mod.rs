//! The SQL of the databases, as far as it differs from one to the other.

#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod transactional;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// The tables' names, quoted as a database wants them.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    schema: Option<String>,
    name: String,
    quote: char,
}

impl Tables {
    pub(crate) fn new(schema: Option<&str>, name: &str, quote: char) -> Self {
        Self { schema: schema.map(ToOwned::to_owned), name: name.to_owned(), quote }
    }

    /// A statement, with the names of tables and indexes where it has them in braces.
    ///
    /// The names are the only thing in it that is not this crate's own; they are checked and quoted.
    pub(crate) fn fill(&self, template: &str) -> SqlStr {
        AssertSqlSafe(self.text(template)).into_sql_str()
    }

    pub(crate) fn text(&self, template: &str) -> String {
        template
            .replace("{sessions}", &self.table(""))
            .replace("{attributes}", &self.table("_attribute"))
            .replace("{principals}", &self.table("_principal"))
            .replace("{events}", &self.table("_event"))
            .replace("{groups}", &self.table("_group"))
            .replace("{claims}", &self.table("_claim"))
            .replace("{versions}", &self.table("_schema"))
            .replace("{expiry_index}", &self.quoted(&self.bare("_expires_at")))
            .replace("{principal_index}", &self.quoted(&self.bare("_principal_key")))
            .replace("{principal_expiry_index}", &self.quoted(&self.bare("_principal_expires_at")))
            .replace("{claim_index}", &self.quoted(&self.bare("_claim_event")))
    }

    pub(crate) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// A table's name without quotes, for a look into the catalogue.
    pub(crate) fn bare(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.name)
    }

    fn table(&self, suffix: &str) -> String {
        let table = self.quoted(&self.bare(suffix));
        match &self.schema {
            Some(schema) => format!("{}.{table}", self.quoted(schema)),
            None => table,
        }
    }

    fn quoted(&self, name: &str) -> String {
        let Self { quote, .. } = self;
        format!("{quote}{}{quote}", name.replace(*quote, &format!("{quote}{quote}")))
    }
}
