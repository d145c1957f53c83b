use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use session_core::{Access, Created, Load, NewRecord, Select, StoredId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres};

use super::{attributes, decode, matched};
use crate::batch::Batch;
use crate::dialect::postgres::Statements;
use crate::driver::{Arg, Driver as _};
use crate::error::{Failure, unreadable};
use crate::row::{NOW, millis};

/// The column after an attribute's.
const LOCATOR: usize = NOW + 3;

/// Loads of the same attributes.
pub(super) struct Loads {
    pub(super) statements: Arc<Statements>,
}

/// The attributes; `None`: all.
type Names = Option<Vec<Box<str>>>;

pub(super) fn load(id: &StoredId, select: Select<'_>, access: Access) -> (Names, (StoredId, Access)) {
    let names = match select {
        Select::All => None,
        Select::Only(names) => Some(names.iter().copied().map(Box::from).collect()),
        Select::Metadata => Some(Vec::new()),
    };
    (names, (id.clone(), access))
}

impl Batch for Loads {
    type Kind = Names;
    type Operation = (StoredId, Access);
    type Answer = Load;

    async fn carry_out(
        &self,
        connection: &mut PgConnection,
        names: &Names,
        loads: &[(StoredId, Access)],
    ) -> Result<Vec<Option<Load>>, Failure> {
        let locators: Vec<&[u8]> = loads.iter().map(|(id, _)| locator(id)).collect();
        let named: Vec<&[u8]>;
        let rows = match names {
            None => Postgres::rows(connection, &self.statements.load_many, &[Arg::List(&locators)]).await?,
            Some(names) => {
                named = names.iter().map(|name| name.as_bytes()).collect();
                let args = [Arg::List(&locators), Arg::List(&named)];
                Postgres::rows(connection, &self.statements.load_many_only, &args).await?
            }
        };
        let mut found: HashMap<Vec<u8>, Vec<PgRow>> = HashMap::with_capacity(loads.len());
        for row in rows {
            let locator =
                Postgres::bytes(&row, LOCATOR)?.ok_or_else(|| unreadable("the locator is missing"))?;
            found.entry(locator).or_default().push(row);
        }
        let rows_of = |id| found.get(locator(id)).map(Vec::as_slice).unwrap_or_default();
        // What is not readable is its own load's failure, not that of all.
        Ok(loads.iter().map(|(id, access)| answer(rows_of(id), id, *access).ok().flatten()).collect())
    }
}

/// `None`: a candidate is shown, which has to be promoted first.
fn answer(rows: &[PgRow], id: &StoredId, access: Access) -> Result<Option<Load>, Failure> {
    Ok(match matched(rows.first().map(decode).transpose()?, id, access) {
        Err(miss) => Some(miss.into()),
        Ok((row, _)) if row.shows_candidate(id.digest()) => None,
        Ok((row, now)) => {
            let mut record = row.record;
            record.attributes = attributes(rows)?;
            Some(Load::Live { record: Arc::new(record), now })
        }
    })
}

/// Creates of sessions that last as long.
pub(super) struct Creates {
    pub(super) statements: Arc<Statements>,
    pub(super) namespace: Arc<str>,
}

#[derive(PartialEq, Eq)]
pub(super) struct Lifetime {
    idle: Option<i64>,
    absolute: Option<i64>,
    throttle: i64,
}

pub(super) fn create(id: &StoredId, new: &NewRecord, access: Access) -> (Lifetime, (StoredId, NewRecord)) {
    let lifetime = Lifetime {
        idle: new.expiry.idle_timeout().map(millis),
        absolute: new.expiry.absolute_timeout().map(millis),
        throttle: millis(access.touch()),
    };
    (lifetime, (id.clone(), new.clone()))
}

impl Batch for Creates {
    type Kind = Lifetime;
    type Operation = (StoredId, NewRecord);
    type Answer = Created;

    /// Says of none why it is not there: that takes a look.
    async fn carry_out(
        &self,
        connection: &mut PgConnection,
        lifetime: &Lifetime,
        creates: &[(StoredId, NewRecord)],
    ) -> Result<Vec<Option<Created>>, Failure> {
        let mut ids: Vec<&StoredId> = creates.iter().map(|(id, _)| id).collect();
        // Two statements that begin the same sessions, as when they are sent again, wait for each other in one direction.
        ids.sort_unstable_by_key(|id| locator(id));
        if ids.windows(2).any(|two| two[0].handle() == two[1].handle()) {
            // Only one of them can begin it.
            return Ok(creates.iter().map(|_| None).collect());
        }
        let locators: Vec<&[u8]> = ids.iter().map(|id| locator(id)).collect();
        let digests: Vec<&[u8]> = ids.iter().map(|id| id.digest().as_bytes().as_slice()).collect();
        let (mut sessions, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (id, new) in creates {
            for (name, value) in &new.attributes {
                sessions.push(locator(id));
                names.push(name.as_bytes());
                values.push(value.as_ref());
            }
        }
        let args = [
            Arg::List(&locators),
            Arg::List(&digests),
            Arg::Text(&self.namespace),
            Arg::List(&names),
            Arg::List(&values),
            Arg::MaybeInt(lifetime.idle),
            Arg::MaybeInt(lifetime.absolute),
            Arg::Int(lifetime.throttle),
            Arg::List(&sessions),
        ];
        let rows = Postgres::rows(connection, &self.statements.create_many, &args).await?;
        let begun = rows.iter().map(|row| Postgres::bytes(row, 0)).collect::<sqlx::Result<Vec<_>>>()?;
        let begun: HashSet<Vec<u8>> = begun.into_iter().flatten().collect();
        Ok(creates.iter().map(|(id, _)| begun.contains(locator(id)).then_some(Created::Created)).collect())
    }
}

fn locator(id: &StoredId) -> &[u8] {
    id.handle().as_bytes()
}
