//! What every store takes alike in its settings. For those who write a store.

use std::ops::RangeInclusive;
use std::time::Duration;

const BUDGETS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);

/// What is wrong with a namespace, if something is. It becomes part of names in the store: blanks and controls are no
/// use there, and braces would put every session of a Redis Cluster into one slot.
#[must_use]
pub fn namespace_mistake(namespace: &str) -> Option<&'static str> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    let is_namespace = (1..=100).contains(&namespace.len()) && namespace.bytes().all(is_good);
    (!is_namespace).then_some("the namespace must be 1 to 100 letters, digits and any of - _ . : /")
}

/// What is wrong with the time that an operation may take, if something is.
#[must_use]
pub fn budget_mistake(budget: Duration) -> Option<&'static str> {
    (!BUDGETS.contains(&budget)).then_some("the budget of an operation must be 10 ms to an hour")
}
