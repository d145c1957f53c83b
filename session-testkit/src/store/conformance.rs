/// Runs all cases of the store contract against a store: one test a case, in a module of the given name.
///
/// The second argument is an expression that makes a [`Harness`](crate::Harness) with an empty store, evaluated
/// for each case; it may `.await`. Each case runs on a tokio runtime of its own.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use session_core::{EventSettings, SessionStore};
/// use session_memory::MemoryStore; // or your own
/// use session_testkit::{Harness, ManualClock, async_trait, store_conformance};
///
/// struct Memory { store: MemoryStore, clock: ManualClock }
///
/// impl Memory {
///     async fn start() -> Self {
///         let clock = ManualClock::new();
///         Self { store: MemoryStore::builder().clock(clock.clone()).build(), clock }
///     }
/// }
///
/// #[async_trait]
/// impl Harness for Memory {
///     fn store(&self) -> Arc<dyn SessionStore> { Arc::new(self.store.clone()) }
///     async fn advance(&self, by: Duration) { self.clock.advance(by); }
///     async fn with_events(&self, _: &EventSettings) -> Option<Arc<dyn SessionStore>> { None }
///     async fn leftovers(&self) -> usize { self.store.held() as usize }
/// }
///
/// store_conformance!(memory, Memory::start().await);
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__cases! { store, $name, $harness,
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
                attributes_are_kept,
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
            touch {
                when_due_it_moves_the_last_access_and_the_end,
                the_end_moves_by_idle_and_throttle,
                when_not_due_the_end_stays,
                a_node_with_a_shorter_throttle_ends_no_session_earlier,
                without_throttle_every_access_moves_the_end,
                it_reads_the_idle_timeout_from_the_record,
                it_never_moves_the_end_beyond_the_absolute_one,
                without_an_idle_timeout_it_moves_no_end,
                the_last_access_is_noted_also_when_the_end_stays,
                it_changes_no_attribute,
                of_nothing_it_is_success_and_creates_nothing,
                of_an_ended_session_it_is_success_and_revives_nothing,
                sent_again_it_changes_nothing_but_the_time,
            }
            save {
                it_sets_and_removes_only_what_it_names,
                removing_what_is_not_there_is_applied,
                the_last_attribute_can_be_removed,
                no_change_is_applied_and_changes_nothing,
                without_being_asked_it_notes_no_access,
                asked_to_it_notes_the_access_when_that_is_due,
                asked_to_it_does_not_when_it_is_not_due,
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
            values {
                any_bytes_come_back_as_they_went_in,
                an_empty_value_is_a_value,
                a_mebibyte_comes_back,
                any_unicode_is_a_name,
                names_differ_in_case_accents_and_spaces,
                a_colon_in_a_name_is_part_of_it,
                a_name_never_meets_the_stores_own_fields,
                hundreds_of_attributes_come_back,
                thousands_of_attributes_come_back,
                several_mebibytes_in_one_session_come_back,
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
            renew_if_offered {
                the_current_id_and_the_candidate_are_both_good,
                nothing_in_the_session_changes,
                sent_again_it_is_issued,
                it_is_not_due_while_a_candidate_waits,
                under_the_candidate_it_is_not_due,
                under_the_previous_id_it_is_not_due,
                a_candidate_that_is_shown_becomes_the_current_id,
                a_candidate_is_shown_by_a_load_of_any_selection,
                showing_the_candidate_changes_only_when_the_id_was_issued,
                a_load_of_any_selection_tells_when_the_shown_candidate_was_issued,
                the_previous_id_stays_good_for_every_operation,
                showing_the_previous_id_does_not_make_it_current,
                the_id_before_the_previous_one_is_absent,
                a_rotation_clears_the_candidate,
                a_rotation_clears_the_previous_id,
                a_rotation_under_any_good_id_ends_all_of_them,
                after_a_rotation_it_is_due_again,
                an_end_takes_the_candidate_and_the_previous_id_with_it,
                a_digest_is_issued_for_one_session_only,
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
                a_delete_before_it_still_finds_its_own_operation,
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
            expiry {
                a_session_ends_once_it_was_not_used_for_idle_and_throttle,
                while_it_is_used_it_lives_on,
                reads_alone_do_not_keep_it_alive,
                writes_that_note_no_access_do_not_keep_it_alive,
                the_absolute_end_comes_however_much_it_is_used,
                with_both_the_idle_end_may_come_first,
                nothing_revives_an_expired_session,
                an_expired_session_is_gone_for_a_request_older_than_a_tombstone_lives,
                an_expired_session_leaves_no_tombstone,
                an_expired_session_can_still_be_ended_by_its_handle,
                a_never_ending_session_lives,
                times_are_exact_to_the_millisecond,
                a_timeout_of_less_than_a_second_is_kept,
                sessions_end_each_at_its_own_time,
            }
            sweep {
                nothing_is_left_of_what_has_expired,
                what_lives_stays,
                a_tombstone_stays_while_it_is_needed,
                if_offered_it_keeps_its_limit_and_says_how_many,
            }
            events_if_offered {
                each_operation_tells_what_it_did,
                an_end_by_handle_is_told_as_such,
                what_is_refused_is_not_told,
                reading_changing_touching_and_renewing_are_not_told,
                sent_again_an_operation_tells_nothing_else,
                an_event_names_the_principal_and_carries_the_chosen_attributes_only,
                an_event_carries_the_attributes_as_they_were_last,
                an_expired_session_is_told_by_the_sweep,
                a_session_that_was_ended_does_not_expire,
                an_expired_session_that_is_ended_by_its_handle_has_expired,
                a_session_that_was_touched_outlives_its_first_end,
                a_timeout_made_shorter_is_told_in_its_time,
                a_timeout_made_longer_is_told_in_its_time,
                a_sweep_touches_no_live_session,
                after_a_missed_hour_everything_is_told,
                nothing_is_left_of_what_has_ended,
                one_sessions_events_come_in_their_order,
                every_node_hears_everything_from_its_beginning_on,
                every_node_hears_again_what_it_did_not_acknowledge,
                two_of_a_group_share_what_happens,
                what_one_of_a_group_does_not_acknowledge_another_hears,
                a_group_goes_on_while_none_listens,
                two_groups_hear_the_same,
                no_more_is_handed_out_than_was_asked_for,
                a_listener_that_panics_harms_nothing_and_hears_it_again,
                a_listener_that_always_fails_is_given_up,
                a_touch_racing_the_sweep_is_whole_or_too_late,
                two_sweeps_at_once_tell_every_end,
            }
            atomic {
                a_create_that_is_dropped_leaves_a_whole_session_or_none,
                a_save_that_is_dropped_is_applied_whole_or_not_at_all,
                a_rotation_that_is_dropped_leaves_one_id_good,
                a_delete_that_is_dropped_can_be_sent_again,
                a_take_that_is_dropped_hands_the_value_to_nobody_else_twice,
                if_principals_are_offered_a_sign_in_that_is_dropped_leaves_none_unlisted_and_none_too_many,
                if_principals_are_offered_a_logout_everywhere_that_is_dropped_can_be_done_again,
                if_principals_are_offered_a_logout_that_is_dropped_takes_no_place_of_the_limit,
            }
            races {
                different_attributes_set_at_once_both_survive,
                an_attribute_set_and_another_removed_at_once_are_both_done,
                eight_attributes_set_at_once_all_survive,
                a_load_sees_all_of_a_save_or_nothing,
                a_save_never_revives_what_is_deleted,
                a_save_never_revives_what_is_ended_by_its_handle,
                a_touch_never_revives_what_is_deleted,
                a_save_racing_a_rotation_is_whole_in_the_session_or_gone,
                one_of_two_rotations_wins,
                a_rotation_or_the_delete_under_the_same_id_wins,
                one_of_two_deletes_is_applied,
                a_delete_sent_twice_at_once_is_applied_to_both,
                a_create_sent_twice_at_once_makes_one_session,
                one_of_two_sessions_with_the_same_locator_begins,
                a_create_does_not_outlive_the_end_of_its_handle,
                one_of_sixty_four_takers_gets_the_value,
                one_of_two_takers_gets_the_value,
                sixty_four_increments_at_once_make_sixty_four,
                one_of_two_replacements_of_the_same_value_is_applied,
                a_value_is_taken_or_its_session_is_gone,
                if_renewal_is_offered_one_of_two_is_issued,
                if_renewal_is_offered_a_shown_candidate_never_survives_a_rotation,
                a_sweep_never_removes_what_is_begun_meanwhile,
                the_last_access_never_goes_back,
            }
            sign_in_if_offered {
                it_makes_the_session_the_principals_under_a_new_id,
                the_principal_comes_with_every_selection,
                it_carries_the_pending_changes,
                both_timeouts_start_anew,
                the_principal_stays_through_everything_but_the_end,
                sent_again_it_is_applied_and_changes_nothing,
                another_principals_session_is_refused_and_stays_as_it_is,
                the_same_principal_can_sign_in_again_in_the_same_session,
                any_unicode_is_a_principals_name,
            }
            principals_if_offered {
                find_shows_every_session_of_the_principal_and_no_other,
                find_shows_the_record_with_the_selected_attributes,
                sessions_that_end_in_the_same_moment_are_all_found,
                a_session_that_ended_is_not_found,
                a_session_that_expired_is_not_found,
                a_session_that_is_kept_alive_stays_findable,
                a_shorter_timeout_ends_a_principals_session_sooner,
                within_the_limit_nobody_is_ended,
                one_more_ends_the_oldest,
                one_more_ends_the_one_unused_for_longest,
                one_more_is_refused_until_another_has_ended,
                what_has_expired_does_not_count,
                signing_in_again_does_not_count_twice,
                a_lower_limit_ends_all_that_are_too_many,
                a_limit_is_each_principals_own,
                revoke_ends_every_session_of_the_principal_and_no_other,
                revoke_keeps_the_session_that_it_is_to_keep,
                a_sign_in_that_arrived_before_a_revocation_is_refused,
                a_sign_in_that_a_revocation_refuses_evicts_nobody,
                a_sign_in_that_arrives_after_a_revocation_succeeds,
                a_later_step_of_a_revocation_spares_who_came_after_the_first,
                nothing_is_left_of_principals_after_their_last_session,
            }
            principal_races_if_offered {
                a_logout_everywhere_beats_a_sign_in_that_arrived_before_it,
                a_logout_everywhere_leaves_none_of_many_sign_ins,
                of_many_sign_ins_at_once_the_limit_is_left_and_never_more,
                one_of_two_sign_ins_under_the_same_id_wins,
                a_logout_or_the_sign_in_under_the_same_id_wins,
                a_session_is_found_whatever_touches_it_meanwhile,
            }
            long_waits {
                an_end_is_gone_only_for_requests_that_it_came_over,
                an_end_by_handle_is_gone_only_for_requests_that_it_came_over,
                a_rotation_is_gone_only_for_requests_that_it_came_over,
                a_delete_sent_again_late_finds_its_own_tombstone,
                a_tombstone_refuses_a_create_for_almost_all_its_life,
                a_tombstone_lives_two_minutes,
                nothing_is_left_after_the_last_end,
                if_renewal_is_offered_the_previous_id_is_good_for_its_grace_only,
                if_renewal_is_offered_the_grace_begins_when_the_candidate_is_shown,
                if_renewal_is_offered_a_candidate_waits_a_minute_to_be_shown,
                a_session_lives_through_a_long_pause_within_its_idle_timeout,
            }
        }
    };
}
