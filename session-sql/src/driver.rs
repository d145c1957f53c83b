//! What the store needs of sqlx, the same for every database.

use std::future::Future;

use sqlx::{Database, Row as _, SqlStr};

/// An argument of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Bytes(&'a [u8]),
    MaybeBytes(Option<&'a [u8]>),
    Int(i64),
    MaybeInt(Option<i64>),
    Text(&'a str),
    #[cfg(feature = "postgres")]
    Flag(bool),
    /// Known to PostgreSQL alone.
    #[cfg(feature = "postgres")]
    List(&'a [&'a [u8]]),
}

/// A database as the store speaks to it. A statement with arguments is prepared once a connection.
pub(crate) trait Driver: Database {
    /// Whether a connection is good for more after an operation on it was dropped half-way.
    const SURVIVES_A_DROP: bool;

    /// Says how many rows it has changed.
    fn execute(
        connection: &mut Self::Connection,
        sql: &SqlStr,
        args: &[Arg<'_>],
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    fn rows(
        connection: &mut Self::Connection,
        sql: &SqlStr,
        args: &[Arg<'_>],
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

    fn row(
        connection: &mut Self::Connection,
        sql: &SqlStr,
        args: &[Arg<'_>],
    ) -> impl Future<Output = sqlx::Result<Option<Self::Row>>> + Send;

    /// Runs any number of statements that take no arguments and are not worth preparing.
    fn script(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    fn int(row: &Self::Row, column: usize) -> sqlx::Result<Option<i64>>;

    fn bytes(row: &Self::Row, column: usize) -> sqlx::Result<Option<Vec<u8>>>;

    fn text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>>;
}

macro_rules! driver {
    ($database:ident, survives_a_drop: $survives:literal, $query:ident, $list:ident => $bind:expr) => {
        impl Driver for sqlx::$database {
            const SURVIVES_A_DROP: bool = $survives;

            async fn execute(
                connection: &mut Self::Connection,
                sql: &SqlStr,
                args: &[Arg<'_>],
            ) -> sqlx::Result<u64> {
                let query = driver!(@query $database, sql, args, $query, $list => $bind);
                Ok(query.execute(connection).await?.rows_affected())
            }

            async fn rows(
                connection: &mut Self::Connection,
                sql: &SqlStr,
                args: &[Arg<'_>],
            ) -> sqlx::Result<Vec<Self::Row>> {
                let query = driver!(@query $database, sql, args, $query, $list => $bind);
                query.fetch_all(connection).await
            }

            async fn row(
                connection: &mut Self::Connection,
                sql: &SqlStr,
                args: &[Arg<'_>],
            ) -> sqlx::Result<Option<Self::Row>> {
                let query = driver!(@query $database, sql, args, $query, $list => $bind);
                query.fetch_optional(connection).await
            }

            async fn script(connection: &mut Self::Connection, sql: SqlStr) -> sqlx::Result<()> {
                sqlx::raw_sql(sql).execute(connection).await?;
                Ok(())
            }

            fn int(row: &Self::Row, column: usize) -> sqlx::Result<Option<i64>> {
                row.try_get(column)
            }

            fn bytes(row: &Self::Row, column: usize) -> sqlx::Result<Option<Vec<u8>>> {
                row.try_get(column)
            }

            fn text(row: &Self::Row, column: usize) -> sqlx::Result<Option<String>> {
                row.try_get(column)
            }
        }
    };
    (@query $database:ident, $sql:ident, $args:ident, $query:ident, $list:ident => $bind:expr) => {{
        let mut $query = sqlx::query::<sqlx::$database>($sql.clone());
        for arg in $args {
            $query = match *arg {
                Arg::Bytes(bytes) => $query.bind(bytes),
                Arg::MaybeBytes(bytes) => $query.bind(bytes),
                Arg::Int(int) => $query.bind(int),
                Arg::MaybeInt(int) => $query.bind(int),
                Arg::Text(text) => $query.bind(text),
                #[cfg(feature = "postgres")]
                Arg::Flag(flag) => $query.bind(flag),
                #[cfg(feature = "postgres")]
                Arg::List($list) => $bind,
            };
        }
        $query
    }};
}

#[cfg(feature = "postgres")]
driver!(Postgres, survives_a_drop: false, query, list => query.bind(list));
#[cfg(feature = "mysql")]
driver!(MySql, survives_a_drop: false, query, _list => return Err(no_lists()));
#[cfg(feature = "sqlite")]
driver!(Sqlite, survives_a_drop: true, query, _list => return Err(no_lists()));

#[cfg(all(feature = "postgres", any(feature = "mysql", feature = "sqlite")))]
fn no_lists() -> sqlx::Error {
    sqlx::Error::Encode("this database has no lists".into())
}
