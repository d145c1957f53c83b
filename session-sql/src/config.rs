use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    Clock, Error, ErrorKind, EventSettings, Result, SystemClock, budget_mistake, namespace_mistake,
};

use crate::SqlStore;
use crate::dialect::Tables;
use crate::open::{Target, open};
use crate::schema::{self, Kind, Migrate};
use crate::source::Source;

/// Settings of a [`SqlStore`].
///
/// ```no_run
/// # async fn start() -> session_core::Result<()> {
/// use std::time::Duration;
/// use session_sql::{Migrate, SqlStore};
///
/// let store = SqlStore::builder("postgres://shop:secret@db.internal/shop")
///     .namespace("shop")
///     .migrate(Migrate::Check)
///     .budget(Duration::from_secs(1))
///     .connect()
///     .await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct SqlStoreBuilder {
    source: Source,
    namespace: String,
    schema: Option<String>,
    tables: String,
    budget: Duration,
    max_connections: usize,
    migrate: Migrate,
    clock: Arc<dyn Clock>,
    events: Option<EventSettings>,
    notifies: bool,
}

const DEFAULT_NAMESPACE: &str = "session";
const DEFAULT_TABLES: &str = "http_session";
const DEFAULT_BUDGET: Duration = Duration::from_secs(2);
const DEFAULT_MAX_CONNECTIONS: usize = 10;

impl SqlStoreBuilder {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            namespace: DEFAULT_NAMESPACE.to_owned(),
            schema: None,
            tables: DEFAULT_TABLES.to_owned(),
            budget: DEFAULT_BUDGET,
            max_connections: DEFAULT_MAX_CONNECTIONS,
            migrate: Migrate::default(),
            clock: Arc::new(SystemClock::new()),
            events: None,
            notifies: true,
        }
    }

    /// Keeps applications apart that share the tables. Default `session`.
    ///
    /// The session layer has to be given the same one, because the digest of an id depends on it.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// The schema of PostgreSQL, or the database of MySQL, that holds the tables. When nothing is said, it is the one
    /// that the connection uses anyway. It must exist.
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: Some(schema.into()), ..self }
    }

    /// What the tables' names are or begin with. Default `http_session`: the tables are `http_session`,
    /// `http_session_attribute` and some more.
    pub fn tables(self, name: impl Into<String>) -> Self {
        Self { tables: name.into(), ..self }
    }

    /// How long an operation may take, at most, with the wait for a connection: 10 ms to an hour. Default two seconds.
    pub fn budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// How many connections the store opens at most, when it was given a URL. Default 10. On SQLite as many read, and
    /// one more writes.
    pub fn max_connections(self, max_connections: usize) -> Self {
        Self { max_connections, ..self }
    }

    /// What is done about the tables at the start. Default [`Migrate::Auto`].
    pub fn migrate(self, migrate: Migrate) -> Self {
        Self { migrate, ..self }
    }

    /// The clock that decides on SQLite; the operating system's when nothing is said. The other databases decide by
    /// their own clock, so that the nodes need not agree.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Tells what happens to sessions, to whoever subscribes on any node. Default: not.
    ///
    /// An event is a row of the table `…_event`, written in the same transaction as what it tells of: neither is there
    /// without the other. When the store is swept the oldest are forgotten, beyond those that are to be remembered, heard
    /// or not, of all namespaces of the database together; and a group of listeners that nobody has asked for in thirty days. It begins anew when somebody does.
    pub fn events(self, settings: EventSettings) -> Self {
        Self { events: Some(settings), ..self }
    }

    /// Whether PostgreSQL wakes those who listen to events as soon as some were written, by any node. Default: yes. It
    /// is a hint: an event whose NOTIFY is lost, or swallowed by a pooler, is found when the listener asks by itself.
    ///
    /// It costs no write anything: a node notifies in a statement of its own, at most a hundred times a second. A node that
    /// listens has one more connection for it, beside the others. Behind a pooler that lends connections for a
    /// transaction only, which nobody can listen through, `false` spares both.
    pub fn notify(self, notifies: bool) -> Self {
        Self { notifies, ..self }
    }

    /// The statements that create the tables, for an administrator who runs them: the store itself is then started
    /// with [`Migrate::Check`]. Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when a setting is wrong.
    pub fn ddl(&self) -> Result<String> {
        self.check()?;
        let kind = self.source.kind()?;
        Ok(schema::ddl(kind, &self.named_tables(kind)))
    }

    /// Connects, and sees to the tables. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Config`]: a setting is wrong; the database refuses user, password or name; the tables are not
    ///   what they must be, and could not be changed; or a later version of this crate has changed them.
    /// - [`ErrorKind::Unavailable`] and [`ErrorKind::Timeout`]: there is no server, or it does not answer.
    /// - [`ErrorKind::ReadOnly`]: the tables would have to be changed on a replica.
    pub async fn connect(self) -> Result<SqlStore> {
        self.check()?;
        let kind = self.source.kind()?;
        let tables = self.named_tables(kind);
        let Self { source, namespace, budget, max_connections, migrate, clock, events, .. } = self;
        let notifies = self.notifies;
        let target = Target {
            source,
            kind,
            tables,
            namespace,
            budget,
            max_connections,
            migrate,
            clock,
            events,
            notifies,
        };
        Ok(SqlStore::new(open(target).await?, kind, budget))
    }

    fn named_tables(&self, kind: Kind) -> Tables {
        Tables::new(self.schema.as_deref(), &self.tables, kind.quote())
    }

    fn check(&self) -> Result<()> {
        let mut mistakes = Vec::new();
        mistakes.extend(namespace_mistake(&self.namespace));
        if !is_name(&self.tables, 40) {
            mistakes.push("the tables' name must be 1 to 40 printable characters without quotes");
        }
        if self.schema.as_deref().is_some_and(|schema| !is_name(schema, 63)) {
            mistakes.push("the schema's name must be 1 to 63 printable characters without quotes");
        }
        mistakes.extend(budget_mistake(self.budget));
        if self.max_connections == 0 {
            mistakes.push("the store needs at least one connection");
        }
        match &mistakes[..] {
            [] => Ok(()),
            mistakes => Err(Error::new(ErrorKind::Config, mistakes.join("; "))),
        }
    }
}

/// The password stays out of it.
impl fmt::Debug for SqlStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStoreBuilder")
            .field("source", &self.source)
            .field("namespace", &self.namespace)
            .field("schema", &self.schema)
            .field("tables", &self.tables)
            .field("budget", &self.budget)
            .field("max_connections", &self.max_connections)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}

/// Anything that is quoted without an escape, and shorter than every database's limit with what is added to it.
fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && !text.chars().any(|character| character.is_control() || "\"'`?{}\\".contains(character))
}
