use std::sync::Arc;

use async_trait::async_trait;
use session_core::{Delivered, Delivery, Error, ErrorKind, Inbox, Receipt, Result, Subscription};

use crate::attempts::{Budget, Resend};
use crate::cursor::Cursor;
use crate::engine::Engine;
use crate::wake::Wake;

/// Somebody who listens.
///
/// A group's progress is in the database, and each event that was handed out to it until it is acknowledged. One who
/// listens alone remembers both here: nothing in the database is about him.
pub(crate) struct Listening {
    engine: Arc<dyn Engine>,
    budget: Budget,
    whose: Whose,
    wake: Wake,
}

enum Whose {
    Group(String),
    Own { cursor: Cursor, inbox: Inbox },
}

impl Listening {
    pub(crate) async fn begin(
        engine: Arc<dyn Engine>,
        budget: Budget,
        delivery: &Delivery,
    ) -> Result<Box<dyn Subscription>> {
        let Some(settings) = engine.events() else {
            return Err(Error::new(ErrorKind::Config, "this store was built without events"));
        };
        let whose = match delivery {
            Delivery::OneOfGroup(group) => {
                budget.run(Resend::Yes, || engine.begin_group(group)).await?;
                Whose::Group(group.clone())
            }
            Delivery::EveryNode => {
                let inbox = Inbox::new(settings.handed_out_again_after());
                Whose::Own { cursor: budget.run(Resend::Yes, || engine.newest_event()).await?, inbox }
            }
            _ => return Err(Error::new(ErrorKind::Config, "the SQL store does not know this delivery")),
        };
        let wake = engine.wake();
        Ok(Box::new(Self { engine, budget, whose, wake }))
    }
}

#[async_trait]
impl Subscription for Listening {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>> {
        let Self { engine, budget, whose, wake } = self;
        wake.begin_look();
        let delivered = match whose {
            Whose::Group(group) => budget.run(Resend::Yes, || engine.next_of_group(group, limit)).await?,
            Whose::Own { cursor, inbox } => {
                let now = engine.monotonic();
                let mut delivered = inbox.again(limit, now);
                let room = inbox.room(limit, &delivered);
                let (new, next) = budget.run(Resend::Yes, || engine.new_events(cursor, room)).await?;
                *cursor = next;
                for (number, event) in new {
                    delivered.push(inbox.hand_out(event, Receipt::new(number.to_string()), now));
                }
                delivered
            }
        };
        if delivered.len() >= limit {
            wake.look_again();
        }
        Ok(delivered)
    }

    async fn woken(&mut self) {
        self.wake.woken().await;
    }

    async fn acknowledge(&mut self, heard: &[Receipt]) -> Result<()> {
        match &mut self.whose {
            Whose::Group(group) => {
                self.budget.run(Resend::Yes, || self.engine.acknowledge(group, heard)).await
            }
            Whose::Own { inbox, .. } => {
                inbox.acknowledge(heard);
                Ok(())
            }
        }
    }
}
