//! What the tests of the store have in common.

use std::time::Duration;

/// The statements that make all that is stored older, as if so much time had passed.
pub(crate) fn move_back(table: &str, by: Duration) -> String {
    let millis = by.as_millis();
    let moved = |column: &str| format!("{column} = {column} - {millis}");
    let times =
        ["candidate_at", "previous_until", "superseded_at", "created_at", "last_accessed", "renewed_at"];
    let times = times.map(moved).join(", ");
    let ends = ["ends_at", "expires_at"].map(|column| {
        format!("{column} = CASE WHEN {column} = 253402300799999 THEN {column} ELSE {column} - {millis} END")
    });
    format!("UPDATE {table} SET {times}, {}, {}", moved("ended_at"), ends.join(", "))
}
