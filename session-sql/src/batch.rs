//! Operations that wait for a connection anyway go together in one statement.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sqlx::{PgConnection, Postgres};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::Failure;
use crate::pool::Connections;

/// So many go in one statement at most: more would keep the first of them waiting for what the last ones brought.
const MOST: usize = 64;

/// What one statement can do for many.
pub(crate) trait Batch: Send + Sync + 'static {
    /// What those that go together have in common.
    type Kind: Eq + Send + Sync + 'static;
    type Operation: Send + Sync + 'static;
    type Answer: Send + 'static;

    /// The answers, in the order of the operations; `None`: it takes more than this statement to tell.
    fn carry_out(
        &self,
        connection: &mut PgConnection,
        kind: &Self::Kind,
        operations: &[Self::Operation],
    ) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Failure>> + Send;
}

/// Gathers operations while all connections are in use. Each group has a task that waits for one of them.
pub(crate) struct Batches<B: Batch>(Arc<Shared<B>>);

struct Shared<B: Batch> {
    batch: B,
    connections: Arc<Connections<Postgres>>,
    /// The longest that a group may take, its wait included.
    limit: Duration,
    /// Those that still wait: they live as long as their tasks.
    open: Mutex<Vec<Weak<Group<B>>>>,
}

struct Group<B: Batch> {
    kind: B::Kind,
    /// Changed under the lock of those that are open.
    members: Mutex<Vec<Member<B>>>,
}

struct Member<B: Batch> {
    operation: B::Operation,
    answer: oneshot::Sender<B::Answer>,
}

impl<B: Batch> Batches<B> {
    pub(crate) fn new(batch: B, connections: Arc<Connections<Postgres>>, limit: Duration) -> Self {
        Self(Arc::new(Shared { batch, connections, limit, open: Mutex::default() }))
    }

    /// The answer to an operation that had to wait. `None` when there is a connection for it, and when its group came
    /// to nothing: then it is to be carried out by itself, and what is wrong shows there.
    pub(crate) async fn answer(
        &self,
        operation: impl FnOnce() -> (B::Kind, B::Operation),
    ) -> Option<B::Answer> {
        if self.0.connections.has_a_free_one() {
            return None;
        }
        let (kind, operation) = operation();
        let (answer, answered) = oneshot::channel();
        self.join(kind, Member { operation, answer });
        answered.await.ok()
    }

    fn join(&self, kind: B::Kind, member: Member<B>) {
        let mut open = self.0.open();
        open.retain(|group| group.strong_count() > 0);
        let groups = open.iter().filter_map(Weak::upgrade);
        match groups.into_iter().find(|group| group.kind == kind && group.members().len() < MOST) {
            Some(group) => group.members().push(member),
            None => {
                let group = Arc::new(Group { kind, members: Mutex::new(vec![member]) });
                open.push(Arc::downgrade(&group));
                let shared = Arc::clone(&self.0);
                tokio::spawn(async move { timeout(shared.limit, shared.carry_out(group)).await });
            }
        }
    }
}

impl<B: Batch> Shared<B> {
    /// Whatever goes wrong, the members are told by their answers' being dropped.
    async fn carry_out(&self, group: Arc<Group<B>>) -> Option<()> {
        let mut lease = self.connections.lease().await.ok()?;
        let members = self.close(&group);
        let (operations, answers): (Vec<_>, Vec<_>) = members
            .into_iter()
            .filter(|member| !member.answer.is_closed())
            .map(|member| (member.operation, member.answer))
            .unzip();
        if operations.is_empty() {
            return lease.settle(Ok(())).await.ok();
        }
        let outcome = self.batch.carry_out(lease.connection().ok()?, &group.kind, &operations).await;
        let told = lease.settle(outcome).await.ok()?;
        for (answer, told) in answers.into_iter().zip(told) {
            // Whoever has stopped waiting needs no answer.
            let _ = told.map(|told| answer.send(told));
        }
        Some(())
    }

    /// Nobody joins it from now on.
    fn close(&self, group: &Arc<Group<B>>) -> Vec<Member<B>> {
        let mut open = self.open();
        open.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(group)));
        std::mem::take(&mut *group.members())
    }

    fn open(&self) -> MutexGuard<'_, Vec<Weak<Group<B>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Batch> Group<B> {
    fn members(&self) -> MutexGuard<'_, Vec<Member<B>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
