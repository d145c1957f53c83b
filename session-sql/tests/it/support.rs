//! What the tests of the store have in common.

use std::time::Duration;

pub(crate) use session_testkit::sample::{NOW, StoreExt, counting, digest, id, op, setting};

/// The statements that make all that is stored older, as if so much time had passed.
pub(crate) fn move_back(table: &str, by: Duration) -> String {
    let millis = by.as_millis();
    let moved = |column: &str| format!("{column} = {column} - {millis}");
    let times = [
        "candidate_at",
        "previous_until",
        "superseded_at",
        "created_at",
        "last_accessed",
        "renewed_at",
        "signed_in_at",
    ];
    let times = times.map(moved).join(", ");
    let ends = ["ends_at", "expires_at"].map(|column| {
        format!("{column} = CASE WHEN {column} = 253402300799999 THEN {column} ELSE {column} - {millis} END")
    });
    let principals = [moved("revoked_at"), moved("expires_at")].join(", ");
    format!(
        "UPDATE {table} SET {times}, {}, {}; UPDATE {table}_principal SET {principals}",
        moved("ended_at"),
        ends.join(", ")
    )
}
