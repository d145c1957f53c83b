//! Hearing events: polled, on the store's own connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::Value;
use session_core::{
    Delivered, Delivery, Error, ErrorKind, Events, Inbox, Receipt, Result, SessionEvent, Subscription,
};

use super::{SHARDS, Teller, entry};
use crate::RedisStore;
use crate::connection::Call;
use crate::scripts;

#[async_trait]
impl Events for RedisStore {
    /// A command for each of sixteen streams.
    async fn subscribe(&self, delivery: &Delivery) -> Result<Box<dyn Subscription>> {
        let Some(teller) = self.teller() else {
            return Err(Error::new(ErrorKind::Config, "this Redis store was built without events"));
        };
        let whose = match delivery {
            Delivery::OneOfGroup(name) => {
                try_join_all((0..SHARDS).map(|shard| teller.join(shard, name))).await?;
                Whose::Group { name: name.clone(), looked: Instant::now(), unlooked: 0 }
            }
            Delivery::EveryNode => {
                let read = try_join_all((0..SHARDS).map(|shard| teller.last(shard))).await?;
                let inbox = Inbox::new(teller.settings.handed_out_again_after());
                Whose::Own { read, inbox, begun: Instant::now() }
            }
            _ => return Err(Error::new(ErrorKind::Config, "the Redis store does not know this delivery")),
        };
        Ok(Box::new(Listening { teller: Arc::clone(teller), whose, turn: 0 }))
    }
}

struct Listening {
    teller: Arc<Teller>,
    whose: Whose,
    /// The stream that is asked first, so that a busy one does not keep the others waiting.
    turn: u8,
}

enum Whose {
    Group {
        name: String,
        /// When it was last begun to look for what others have not acknowledged, and how many streams are left.
        looked: Instant,
        unlooked: u8,
    },
    Own {
        /// The last entry that was read of each stream.
        read: Vec<String>,
        inbox: Inbox,
        begun: Instant,
    },
}

#[async_trait]
impl Subscription for Listening {
    /// A command for each of sixteen streams, one after the other, until there are enough.
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>> {
        let mut delivered = self.again(limit);
        for _ in 0..SHARDS {
            if delivered.len() >= limit {
                break;
            }
            let shard = self.turn;
            self.turn = (shard + 1) % SHARDS;
            delivered.extend(self.next_of(shard, limit - delivered.len()).await?);
        }
        Ok(delivered)
    }

    async fn woken(&mut self) {
        std::future::pending().await
    }

    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()> {
        match &mut self.whose {
            Whose::Own { inbox, .. } => {
                inbox.acknowledge(heard);
                Ok(())
            }
            Whose::Group { name, .. } => self.teller.acknowledge(name, heard).await,
        }
    }
}

impl Listening {
    /// What this one has to remember itself.
    fn again(&mut self, limit: usize) -> Vec<Delivered> {
        let again_after = self.teller.settings.handed_out_again_after();
        match &mut self.whose {
            Whose::Own { inbox, begun, .. } => inbox.again(limit, begun.elapsed()),
            Whose::Group { looked, unlooked, .. } => {
                if looked.elapsed() >= again_after / 4 {
                    (*looked, *unlooked) = (Instant::now(), SHARDS);
                }
                Vec::new()
            }
        }
    }

    async fn next_of(&mut self, shard: u8, limit: usize) -> Result<Vec<Delivered>> {
        match &mut self.whose {
            Whose::Own { read, inbox, begun } => {
                let Some(read) = read.get_mut(usize::from(shard)) else { return Ok(Vec::new()) };
                let room = inbox.room(limit, &[]);
                if room == 0 {
                    return Ok(Vec::new());
                }
                let mut delivered = Vec::new();
                for (id, event) in self.teller.after(shard, read, room).await? {
                    if let Some(event) = event {
                        delivered.push(inbox.hand_out(event, receipt(shard, &id), begun.elapsed()));
                    }
                    *read = id;
                }
                Ok(delivered)
            }
            Whose::Group { name, unlooked, .. } => {
                let look = *unlooked > 0;
                let handed = self.teller.hear(shard, name, limit, look).await?;
                *unlooked = unlooked.saturating_sub(1);
                let mut delivered = Vec::new();
                let mut unknown = Vec::new();
                for (id, attempt, event) in handed {
                    let receipt = receipt(shard, &id);
                    let Some(event) = event else {
                        unknown.push(receipt);
                        continue;
                    };
                    let mut handed = Delivered::new(event, receipt);
                    handed.attempt = attempt;
                    delivered.push(handed);
                }
                if !unknown.is_empty() {
                    self.teller.acknowledge(name, &unknown).await?;
                }
                Ok(delivered)
            }
        }
    }
}

impl Teller {
    async fn join(&self, shard: u8, group: &str) -> Result<()> {
        let mut cmd = scripts::JOIN.call(&self.keys.events(shard), 1, group.len());
        cmd.arg(group);
        self.send(cmd, &scripts::JOIN, self.deadline()).await?;
        Ok(())
    }

    /// The last entry of a stream.
    async fn last(&self, shard: u8) -> Result<String> {
        let mut cmd = redis::cmd("XREVRANGE");
        cmd.arg(self.keys.events(shard)).arg("+").arg("-").arg("COUNT").arg(1);
        let value = self.read(cmd).await?;
        Ok(entries(value)?.into_iter().next().map_or_else(|| "0-0".to_owned(), |(id, _)| id))
    }

    /// What comes after an entry of a stream, with their ids.
    async fn after(&self, shard: u8, id: &str, limit: usize) -> Result<Vec<(String, Option<SessionEvent>)>> {
        let mut cmd = redis::cmd("XRANGE");
        cmd.arg(self.keys.events(shard)).arg(format!("({id}")).arg("+").arg("COUNT").arg(limit);
        let value = self.read(cmd).await?;
        let entries = entries(value)?.into_iter();
        entries.map(|(id, fields)| Ok((id, entry::read(fields)?))).collect()
    }

    async fn read(&self, cmd: redis::Cmd) -> Result<Value> {
        let call = Call::command(cmd).again();
        Ok(self.connection.send(&call, self.deadline()).await?.value)
    }

    /// What a stream has for one of a group: id, how often it was handed out, event.
    async fn hear(
        &self,
        shard: u8,
        group: &str,
        limit: usize,
        look: bool,
    ) -> Result<Vec<(String, u32, Option<SessionEvent>)>> {
        let again_after = self.settings.handed_out_again_after().max(Duration::from_millis(1));
        let mut cmd = scripts::HEAR.call(&self.keys.events(shard), 4, 64 + group.len());
        cmd.arg(group).arg(limit).arg(u64::try_from(again_after.as_millis()).unwrap_or(u64::MAX));
        cmd.arg(if look { "1" } else { "0" });
        let Value::Array(handed) = self.send(cmd, &scripts::HEAR, self.deadline()).await? else {
            return Err(entry::unreadable());
        };
        let read = handed.into_iter().map(|one| {
            let (id, times, fields) = three(one).ok_or_else(entry::unreadable)?;
            Ok((id, times, entry::read(fields)?))
        });
        read.collect()
    }

    async fn acknowledge(&self, group: &str, heard: &[Receipt]) -> Result<()> {
        let acknowledged = (0..SHARDS).map(|shard| {
            let prefix = format!("{shard} ");
            let ids: Vec<_> =
                heard.iter().filter_map(|receipt| receipt.as_str().strip_prefix(&prefix)).collect();
            async move {
                if ids.is_empty() {
                    return Ok(());
                }
                let mut cmd = redis::cmd("XACK");
                cmd.arg(self.keys.events(shard)).arg(group).arg(ids);
                self.read(cmd).await.map(drop)
            }
        });
        try_join_all(acknowledged).await.map(drop)
    }
}

fn receipt(shard: u8, id: &str) -> Receipt {
    Receipt::new(format!("{shard} {id}"))
}

fn entries(value: Value) -> Result<Vec<(String, Value)>> {
    let Value::Array(entries) = value else { return Err(entry::unreadable()) };
    let read = entries.into_iter().map(|entry| match entry {
        Value::Array(parts) => match <[Value; 2]>::try_from(parts) {
            Ok([Value::BulkString(id), fields]) => Some((String::from_utf8(id).ok()?, fields)),
            Ok(_) | Err(_) => None,
        },
        _ => None,
    });
    read.collect::<Option<_>>().ok_or_else(entry::unreadable)
}

fn three(value: Value) -> Option<(String, u32, Value)> {
    let Value::Array(parts) = value else { return None };
    let [Value::BulkString(id), Value::Int(times), fields] = <[Value; 3]>::try_from(parts).ok()? else {
        return None;
    };
    Some((String::from_utf8(id).ok()?, u32::try_from(times).ok()?, fields))
}
