/// Runs all cases of the adapter contract against an adapter: one test a case, in a module of the given name.
///
/// The second argument is an expression that makes an [`AdapterHarness`](crate::adapter::AdapterHarness), evaluated
/// for each case; it may `.await`.
#[macro_export]
macro_rules! adapter_conformance {
    ($name:ident, $harness:expr $(,)?) => {
        $crate::__cases! { adapter, $name, $harness,
            attributes {
                attributes_are_set_read_listed_and_removed_across_requests,
                a_request_sees_its_own_changes,
                an_attribute_that_was_only_read_is_not_written_back,
                a_change_costs_one_call_more_than_the_read,
                an_undecodable_attribute_spoils_only_itself,
                what_is_too_large_is_refused_by_insert,
                take_is_durable_when_it_returns_and_a_5xx_does_not_undo_it,
                take_gives_what_the_request_has_set_itself,
                modify_is_durable_when_it_returns_and_begins_a_session_if_need_be,
                modify_starts_from_what_the_request_has_set_itself,
                save_is_durable_when_it_returns,
                update_changes_in_place_from_the_default,
            }
            beginning {
                a_request_that_ignores_its_session_asks_nothing_and_says_nothing,
                reading_begins_no_session,
                a_first_change_begins_one_and_hands_out_its_id_once,
                an_id_that_was_never_issued_is_not_adopted,
                an_unknown_id_never_expires_the_clients_cookie,
                removing_from_no_session_begins_none,
                a_blind_write_under_an_unknown_id_is_kept_in_a_new_session,
            }
            commit {
                changes_are_not_written_when_the_request_failed,
                changes_are_written_whatever_else_the_answer_is,
                which_answers_write_is_configurable,
                a_change_after_the_response_has_begun_is_an_error,
                a_change_made_while_the_commit_is_under_way_is_written_with_it,
                a_detached_session_writes_by_save_alone_and_sets_no_cookie,
                each_kind_of_request_asks_as_little_as_can_be,
                a_panic_goes_on_unless_the_client_must_hear_of_something,
                a_dropped_handler_commits_nothing_and_loses_no_logout,
            }
            ending {
                invalidate_ends_the_session_and_takes_the_cookie_back,
                only_the_call_that_ended_the_session_takes_the_cookie_back,
                a_change_after_invalidate_begins_a_session_under_a_new_id,
                invalidating_twice_or_nothing_is_success,
                a_logout_is_told_whatever_the_answer_is,
            }
            expiry {
                a_session_that_was_not_used_ends,
                reading_keeps_a_session_alive,
                a_due_touch_is_one_call_more_and_rides_on_a_change,
                a_touch_that_is_not_due_is_not_sent,
                times_are_kept_and_last_access_advances,
                a_timeout_of_its_own_stays_with_the_session,
            }
            failing {
                a_store_that_fails_is_a_503_that_leaves_the_cookie_alone,
                an_operation_that_is_dropped_has_an_unknown_outcome,
                an_operation_with_an_unknown_outcome_is_a_503_whatever_the_handler_says,
                a_commit_that_fails_replaces_the_answer,
                the_cookie_of_a_rotation_leaves_although_a_later_operation_fails,
                after_a_failed_load_nothing_more_is_sent,
                changes_made_before_a_failed_load_make_the_answer_a_503,
                a_touch_that_fails_never_changes_the_answer,
                without_random_bytes_nothing_begins,
            }
            gone {
                a_change_after_a_logout_is_409_writes_nothing_and_sets_no_cookie,
                a_change_under_an_id_that_was_rotated_is_409_and_touches_no_cookie,
                reading_what_was_ended_over_the_head_is_empty,
                a_request_with_the_cookie_from_before_the_login_sets_none,
                a_rotation_over_the_head_is_409_and_a_sign_in_starts_afresh,
                take_modify_and_save_say_that_the_session_is_gone,
                what_was_loaded_and_is_no_longer_there_is_gone,
            }
            identity {
                rotate_gives_the_session_another_id_at_once,
                rotate_and_sign_in_carry_what_is_pending,
                a_rotation_followed_by_a_500_still_hands_out_the_new_cookie,
                rotating_nothing_is_an_error,
                sign_in_sets_the_principal_under_a_new_id,
                a_sign_in_starts_the_absolute_timeout_anew_and_nothing_else_does,
                a_renewal_breaks_neither_old_requests_nor_lost_answers,
                no_debug_output_shows_an_id_or_a_value,
            }
            policy {
                a_save_mode_says_what_is_written_beside_the_changes,
                a_save_mode_costs_a_write_only_where_there_is_something_to_keep,
                what_a_save_mode_keeps_brings_no_session_back_and_is_no_409,
                an_immediate_flush_writes_while_the_handler_is_at_work,
                an_immediate_flush_that_fails_is_told_by_the_answer,
                sessions_without_a_principal_may_end_sooner,
                a_cookie_that_clients_forget_is_sent_again_when_use_is_noted,
            }
            principals {
                signing_in_as_somebody_else_ends_the_former_session_and_takes_nothing_of_it,
                the_managers_limit_ends_the_oldest_session,
                a_sign_in_that_the_limit_refuses_begins_nothing,
                a_sign_in_under_way_loses_against_a_logout_everywhere,
                a_user_can_end_all_other_sessions,
                without_a_sign_in_there_are_no_others_to_end,
                an_administrator_sees_and_ends_the_sessions_of_a_principal,
            }
            partial {
                named_attributes_are_loaded_in_one_call_that_asks_for_no_other,
                what_was_not_loaded_is_an_error_and_never_none,
                loads_of_one_request_ask_for_nothing_twice,
                what_the_request_has_changed_is_known_without_asking,
                a_load_of_everything_may_follow,
                a_load_of_no_name_tells_whether_there_is_a_session_and_whose,
                a_change_after_a_partial_load_is_one_call_more,
                where_no_session_is_nothing_is_asked_twice,
                of_several_cookies_the_named_attributes_are_those_of_the_live_one,
                what_was_loaded_in_part_and_is_no_longer_there_is_gone,
                a_partial_load_that_fails_is_a_503_and_nothing_more_is_sent,
            }
            presented {
                what_is_no_id_never_reaches_the_store,
                an_id_with_one_character_changed_is_nobodys,
                an_id_of_one_namespace_is_worth_nothing_in_another,
                the_cookie_is_found_in_any_of_several_headers,
                of_several_cookies_the_live_one_is_the_session_wherever_it_stands,
                of_several_dead_cookies_a_change_begins_a_session,
                of_several_live_cookies_none_is_used_and_only_a_sign_in_resolves_it,
                no_more_than_four_candidates_are_looked_up,
            }
            races {
                two_requests_that_set_different_attributes_lose_nothing,
                a_change_that_races_with_a_logout_brings_nothing_back,
                an_ended_session_stays_ended_under_its_old_cookie,
                a_change_that_races_with_a_login_is_kept_whole_or_refused,
                a_double_click_on_log_in_logs_in,
                a_double_click_on_log_out_logs_out_and_withdraws_once,
                of_64_takers_one_wins_and_64_increments_are_64,
            }
        }
    };
}
