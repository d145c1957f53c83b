//! How PostgreSQL carries out the statements, as it tells its log.

use std::fs;

use session_core::{
    Changes, Digest, Expiry, Load, OpId, OsRandom, Page, Principal, Select, SessionStore, SignIn, StoredId,
};
use session_sql::SqlStore;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqlSafeStr as _};

use crate::Result;
use crate::filled::Filled;
use crate::traffic::NOW;

/// So often the planner thinks a prepared statement over before it keeps one plan.
const UNTIL_KEPT: usize = 7;
/// What a printed line shows at most: some conditions name dozens of arguments.
const WIDEST: usize = 120;

/// Prints the plan of each operation's statements, and says which looks at a whole table.
pub(crate) async fn show(url: &str, log: &str, many: &Filled) -> Result<Vec<String>> {
    let mut connection = PgConnection::connect(url).await?;
    for setting in ["session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0"] {
        let database =
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {setting}', current_database()); END $$";
        let sql = database.replace("{setting}", &setting.replace('\'', "''"));
        sqlx::raw_sql(AssertSqlSafe(sql).into_sql_str()).execute(&mut connection).await?;
    }
    // What is swept below.
    many.add(10_000, -1).await?;
    let store = SqlStore::builder(url).tables(&many.tables).max_connections(1).connect().await?;
    let asked = Asked { store, ids: &many.ids };
    let mut beyond = Vec::new();
    for (name, operation) in OPERATIONS {
        let before = fs::metadata(log)?.len();
        for n in 0..UNTIL_KEPT {
            asked.of(operation, n).await?;
        }
        let text = fs::read(log)?;
        let said =
            String::from_utf8_lossy(text.get(usize::try_from(before)?..).unwrap_or_default()).into_owned();
        let plans = kept(&said);
        if plans.is_empty() {
            beyond.push(format!("PostgreSQL tells no plan of {name}"));
        }
        println!("\n{name}:\n");
        for plan in plans {
            println!("{plan}");
            if plan.contains(&format!("Seq Scan on {}", many.tables)) {
                beyond.push(format!("{name} looks at a whole table"));
            }
        }
    }
    Ok(beyond)
}

#[derive(Clone, Copy)]
enum Operation {
    Load,
    Save,
    Create,
    /// Loads and creates that wait for the connection.
    Batches,
    SignIn,
    Find,
    Sweep,
}

const OPERATIONS: [(&str, Operation); 7] = [
    ("load", Operation::Load),
    ("save", Operation::Save),
    ("create", Operation::Create),
    ("several loads, and several creates", Operation::Batches),
    ("sign_in", Operation::SignIn),
    ("find and count", Operation::Find),
    ("sweep", Operation::Sweep),
];

struct Asked<'a> {
    store: SqlStore,
    ids: &'a [StoredId],
}

impl Asked<'_> {
    async fn of(&self, operation: Operation, n: usize) -> Result {
        let Self { store, ids } = self;
        let id = ids.get(n).ok_or("there are too few sessions")?;
        let offered = store.capabilities();
        let principals = offered.principals.ok_or("the store knows no principals")?;
        let ada = Principal::from("ada");
        match operation {
            Operation::Load => match store.load(id, Select::All, NOW).await? {
                Load::Live { .. } => {}
                _ => return Err("a session is not there".into()),
            },
            Operation::Save => {
                store.save(id, &setting(), NOW).await.map(drop)?;
            }
            Operation::Create => {
                let digest = digest()?;
                let id = StoredId::new(session_core::Handle::from_bytes(*digest.as_bytes()), digest);
                let mut new =
                    session_core::NewRecord::new(Expiry::idle(std::time::Duration::from_secs(3_600))?);
                new.attributes.insert("cart".into(), "0".into());
                store.create(&id, &new, NOW).await.map(drop)?;
            }
            Operation::Batches => {
                let [load, another] = [n, n + 1].map(|n| Box::pin(self.of(Operation::Load, n)));
                let [create, other] = [n, n + 1].map(|n| Box::pin(self.of(Operation::Create, n)));
                // What is polled first has the connection.
                let touch = store.touch(id, NOW);
                let (touched, one, two, three, four) = tokio::join!(touch, load, another, create, other);
                touched?;
                one.and(two).and(three).and(four)?;
            }
            Operation::SignIn => {
                let expiry = Expiry::idle(std::time::Duration::from_secs(3_600))?;
                let sign_in =
                    SignIn::new(ada, digest()?, expiry, setting(), OpId::generate(&OsRandom::default())?);
                principals.sign_in(id, &sign_in, NOW).await.map(drop)?;
            }
            Operation::Find => {
                principals.find(&ada, Select::All, &Page::first(10)).await.map(drop)?;
                principals.count(&ada).await.map(drop)?;
            }
            Operation::Sweep => {
                offered.sweep.ok_or("the store cannot sweep")?.sweep(1_000).await.map(drop)?;
            }
        }
        Ok(())
    }
}

fn setting() -> Changes {
    let mut changes = Changes::new();
    changes.set("cart", "1");
    changes.touch = true;
    changes
}

fn digest() -> Result<Digest> {
    let mut bytes = [0; 16];
    session_core::Random::fill(&OsRandom::default(), &mut bytes)?;
    Ok(Digest::from_bytes(bytes))
}

/// The last plan of each statement that touches a table, without its costs.
fn kept(log: &str) -> Vec<String> {
    let mut plans: Vec<(&str, String)> = Vec::new();
    for said in log.split("  plan:\n").skip(1) {
        // An entry's further lines are indented.
        let entry = said.split_once("\n2").map_or(said, |(entry, _)| entry);
        let Some(first) = entry.find("  (cost=") else { continue };
        let begin = entry[..first].rfind('\n').map_or(0, |end| end + 1);
        let (statement, plan) = entry.split_at(begin);
        let lines = plan.lines().filter(|line| !line.trim().is_empty());
        let plan: Vec<String> = lines.map(without_costs).collect();
        let plan = plan.join("\n");
        if !plan.contains(" on ") {
            continue;
        }
        match plans.iter_mut().find(|(known, _)| *known == statement) {
            Some((_, last)) => *last = plan,
            None => plans.push((statement, plan)),
        }
    }
    plans.into_iter().map(|(_, plan)| plan).collect()
}

fn without_costs(line: &str) -> String {
    let node = line.split_once("  (cost=").map_or(line, |(node, _)| node);
    match node.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &node[..end]),
        None => node.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-01-01 00:00:00 UTC [1] LOG:  duration: 0.1 ms  plan:
\tQuery Text: SELECT 1
\tFROM s
\tIndex Scan using s_pkey on s  (cost=0.1..8.2 rows=1 width=8)
\t  Index Cond: (a = '7')
2026-01-01 00:00:01 UTC [1] LOG:  duration: 0.1 ms  plan:
\tQuery Text: SELECT 1
\tFROM s
\tSeq Scan on s  (cost=0.1..8.2 rows=1 width=8)
\t  Filter: (a = $1)
2026-01-01 00:00:02 UTC [1] LOG:  duration: 0.1 ms  plan:
\tQuery Text: SELECT 2
\tResult  (cost=0.1..8.2 rows=1 width=8)
2026-01-01 00:00:03 UTC [1] LOG:  something else
";

    #[test]
    fn the_last_plan_of_a_statement_that_touches_a_table_is_kept() {
        assert_eq!(kept(LOG), ["\tSeq Scan on s\n\t  Filter: (a = $1)"]);
    }
}
