//! The commands by hand.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, Value};
use session_bench::LIFE_SECONDS;

use crate::cookie::Id;

/// What the session store waits for, too.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(1900);
const TOUCH_MILLIS: u64 = 60_000;

#[derive(Clone)]
pub(crate) struct Store {
    connection: MultiplexedConnection,
    scripts: Arc<Scripts>,
}

/// The scripts' digests. Shared: axum clones the state for each request, more than once.
struct Scripts {
    create: String,
    save: String,
    save_and_touch: String,
}

impl Store {
    pub(crate) async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut connection = Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await?;
        let mut load = async |script: &str| -> Result<String, RedisError> {
            redis::cmd("SCRIPT").arg("LOAD").arg(script).query_async(&mut connection).await
        };
        let create = load(include_str!("create.lua")).await?;
        let save = load(include_str!("save.lua")).await?;
        let save_and_touch = load(include_str!("save-and-touch.lua")).await?;
        Ok(Self { connection, scripts: Arc::new(Scripts { create, save, save_and_touch }) })
    }

    /// Loads the whole hash and finds one attribute in it.
    pub(crate) async fn attribute_of_all(
        &self,
        id: Id<'_>,
        field: &str,
    ) -> Result<Option<Vec<u8>>, StatusCode> {
        let mut command = redis::cmd("HGETALL");
        command.arg(key(id));
        let Value::Array(parts) = self.send(&command).await? else { return Err(unexpected()) };
        let mut matches = false;
        let mut found = None;
        let mut parts = parts.into_iter();
        while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) =
            (parts.next(), parts.next())
        {
            match name.as_slice() {
                b"d" => matches = value == id.secret.as_bytes(),
                name if name == field.as_bytes() => found = Some(value),
                _ => {}
            }
        }
        Ok(found.filter(|_| matches))
    }

    /// Loads the metadata and one attribute.
    pub(crate) async fn attribute(&self, id: Id<'_>, field: &str) -> Result<Option<Vec<u8>>, StatusCode> {
        let mut command = redis::cmd("HMGET");
        command.arg(key(id)).arg("d").arg("m").arg(field);
        let Value::Array(parts) = self.send(&command).await? else { return Err(unexpected()) };
        match <[Value; 3]>::try_from(parts) {
            Ok([Value::BulkString(digest), _, Value::BulkString(value)])
                if digest == id.secret.as_bytes() =>
            {
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    pub(crate) async fn create(&self, id: Id<'_>, attributes: &[(&str, &str)]) -> Result<(), StatusCode> {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(&self.scripts.create)
            .arg(1)
            .arg(key(id))
            .arg(id.secret)
            .arg(LIFE_SECONDS * 1000)
            .arg(TOUCH_MILLIS);
        for (field, value) in attributes {
            command.arg(*field).arg(*value);
        }
        self.send(&command).await.map(drop)
    }

    /// Sets an attribute of a session that has been read: the read has shown that no touch is due.
    pub(crate) async fn save(&self, id: Id<'_>, field: &str, value: &str) -> Result<(), StatusCode> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.scripts.save).arg(1).arg(key(id)).arg(id.secret);
        self.send(command.arg(field).arg(value)).await.map(drop)
    }

    /// Sets an attribute of a session that has not been read.
    pub(crate) async fn save_and_touch(
        &self,
        id: Id<'_>,
        field: &str,
        value: &str,
    ) -> Result<(), StatusCode> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.scripts.save_and_touch).arg(1).arg(key(id)).arg(id.secret);
        self.send(command.arg(field).arg(value).arg(TOUCH_MILLIS)).await.map(drop)
    }

    async fn send(&self, command: &Cmd) -> Result<Value, StatusCode> {
        let answer = self.connection.clone().send_packed_command(command).await;
        answer.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }
}

fn key(id: Id<'_>) -> String {
    ["bench:sessions:", id.key].concat()
}

fn unexpected() -> StatusCode {
    StatusCode::BAD_GATEWAY
}
