/// Runs all cases of the store contract against a store: one test a case, in a module of the given name.
///
/// The second argument is an expression that makes a [`Harness`](crate::Harness) with an empty store, evaluated
/// for each case; it may `.await`. Each case runs on a tokio runtime of its own.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use session_core::SessionStore;
/// use session_memory::MemoryStore; // or your own
/// use session_testkit::{Harness, ManualClock, async_trait, store_conformance};
///
/// struct Memory { store: MemoryStore, clock: ManualClock }
///
/// impl Memory {
///     async fn start() -> Self {
///         let clock = ManualClock::new();
///         Self { store: MemoryStore::builder().clock(Arc::new(clock.clone())).build(), clock }
///     }
/// }
///
/// #[async_trait]
/// impl Harness for Memory {
///     fn store(&self) -> Arc<dyn SessionStore> { Arc::new(self.store.clone()) }
///     async fn advance(&self, by: Duration) { self.clock.advance(by); }
///     async fn leftovers(&self) -> usize { self.store.held() as usize }
/// }
///
/// store_conformance!(memory, Memory::start().await);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__store_tests! { $name, $harness,
            identity {
                an_unknown_id_is_absent_for_every_operation,
                an_unknown_id_is_never_adopted,
                nothing_there_is_gone_for_a_request_older_than_a_tombstone_lives,
                nothing_there_is_absent_for_a_request_a_little_younger_than_that,
                a_wrong_secret_is_absent_for_every_operation_and_changes_nothing,
                a_wrong_secret_stays_absent_however_old_the_request_is,
                a_live_session_matches_however_old_the_request_is,
                a_secret_opens_its_own_session_only,
                what_happens_to_one_session_does_not_touch_another,
                debug_of_a_store_shows_no_digest_and_no_value,
            }
            create {
                the_store_stamps_all_times_with_its_own_clock,
                the_end_is_idle_and_throttle_after_the_beginning,
                the_absolute_end_is_counted_from_the_beginning,
                attributes_and_principal_are_kept,
                a_session_without_attributes_is_a_session,
                sent_again_it_is_created_and_changes_nothing,
                over_a_tombstone_it_is_gone_and_writes_nothing,
                after_the_end_of_a_handle_where_nothing_was_it_is_gone,
                over_another_session_it_is_an_error_and_changes_nothing,
                where_a_session_has_expired_another_can_begin,
            }
            load {
                all_selects_every_attribute,
                only_selects_those_named_as_far_as_they_exist,
                metadata_selects_no_attribute,
                the_metadata_comes_whole_with_every_selection,
                it_notes_no_access,
                it_tells_the_stores_clock,
                a_touch_is_due_once_the_throttle_is_used_up,
            }
            save {
                it_sets_and_removes_only_what_it_names,
                removing_what_is_not_there_is_applied,
                the_last_attribute_can_be_removed,
                no_change_is_applied_and_changes_nothing,
                without_being_asked_it_notes_no_access,
                asked_to_it_notes_the_access_when_that_is_due,
                asked_to_it_does_not_when_it_is_not_due,
                it_sets_the_principal_and_keeps_it_otherwise,
                a_new_idle_timeout_counts_from_now,
                without_an_idle_timeout_a_session_lives_until_its_absolute_end,
                without_any_timeout_it_never_ends_and_can_be_given_one_again,
                a_new_idle_timeout_never_reaches_beyond_the_absolute_end,
                a_new_absolute_timeout_counts_from_now,
                a_shorter_timeout_ends_the_session_sooner,
                a_longer_timeout_keeps_the_session_longer,
                everything_changes_together,
                what_is_saved_is_seen_by_the_next_load_of_any_node,
                the_longest_timeouts_do_not_overflow,
            }
            rotate {
                the_new_id_opens_the_session_and_the_old_one_is_worth_nothing,
                the_session_stays_the_same_but_for_when_its_id_was_issued,
                it_carries_the_pending_changes,
                it_notes_the_access_when_asked_to_and_due,
                sent_again_it_is_applied_and_changes_nothing,
                sent_again_after_another_rotation_it_is_gone,
                none_of_the_earlier_ids_is_ever_good_again,
                the_handle_stays_and_nothing_is_copied,
                an_old_id_rotates_nothing,
                a_never_ending_session_can_be_rotated,
            }
            delete {
                the_session_is_gone_for_every_operation,
                sent_again_with_its_own_operation_it_is_applied,
                another_operation_finds_it_gone,
                it_ends_a_never_ending_session,
                one_that_misses_leaves_nothing_behind,
                it_ends_a_rotated_session_under_its_new_id,
            }
            end {
                the_session_is_gone_whatever_its_digest,
                sent_again_it_is_done,
                by_several_administrators_it_is_done,
                its_own_operation_is_found_by_a_delete,
                it_leaves_a_tombstone_also_where_nothing_was,
                it_ends_a_never_ending_session,
                it_ends_no_other_session,
            }
            take {
                the_value_is_returned_once,
                of_an_attribute_that_is_not_there_it_is_nothing,
                nothing_else_changes,
                an_empty_value_is_a_value,
                what_was_taken_can_be_set_and_taken_again,
                the_last_attribute_can_be_taken,
            }
            replace {
                the_expected_value_is_replaced,
                the_expected_value_is_removed,
                where_none_is_expected_and_none_is_it_is_set,
                where_none_is_expected_and_none_is_wanted_nothing_happens,
                any_other_value_is_a_conflict_that_shows_it,
                a_missing_value_is_a_conflict_that_says_so,
                an_empty_value_is_not_a_missing_one,
                the_same_value_can_be_written_over_itself,
                nothing_else_changes,
            }
        }
    };
}

/// One test a case, in a module a group.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    ($name:ident, $harness:expr, $($group:ident { $($case:ident,)* })*) => {
        mod $name {
            $(
                mod $group {
                    #[allow(unused_imports, reason = "the expression may name anything of the caller's")]
                    use super::super::*;

                    $(
                        #[test]
                        fn $case() {
                            $crate::run(async {
                                let harness = $harness;
                                $crate::store::$group::$case(&harness).await;
                            });
                        }
                    )*
                }
            )*
        }
    };
}
