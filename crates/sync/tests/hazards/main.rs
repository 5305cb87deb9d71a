//! The hazards of replication, each with its test: real vaults against a real centre, on files and
//! on PostgreSQL. Which row of the design has which test stands in the README.

#[path = "../support/mod.rs"]
mod support;

#[path = "../hostile_centre/liar.rs"]
#[allow(dead_code, reason = "only some of its lies are told here")]
mod liar;

mod ground;

mod clocks;
mod files;
mod lives;
mod liveness;
mod order;
mod pairs;
mod rights;
mod trust;
mod versions;

use ground::{Ground, Kind};

macro_rules! on_both {
    ($($file:ident::$name:ident),+ $(,)?) => {
        mod on_sqlite {
            use super::*;
            $(#[test] fn $name() { $file::$name(Ground::new(Kind::Files)); })+
        }
        mod on_postgresql {
            use super::*;
            $(#[test] fn $name() { $file::$name(Ground::new(Kind::Postgresql)); })+
        }
    };
}

on_both!(
    clocks::a_clock_that_jumps_a_day_to_and_fro_with_restarts_sets_no_stamp_back,
    clocks::a_laptop_in_the_year_9999_outlives_nobody,
    lives::a_laptop_put_back_at_a_random_point_loses_nothing_that_was_acknowledged,
    lives::a_copied_laptop_is_told_apart_and_goes_on_as_another_one,
    lives::a_centre_put_back_by_an_hour_gets_everything_again_from_five_laptops,
    lives::a_laptop_and_a_centre_that_were_both_put_back_leave_nothing_to_decide,
    lives::a_laptop_that_returns_after_the_log_was_cut_brings_what_it_wrote,
    rights::a_person_is_handed_over_while_both_laptops_edit,
    rights::what_was_refused_is_kept_and_can_be_sent_once_the_right_is_there,
    trust::what_was_never_taken_is_missed_in_the_same_round_although_others_wrote_over_it,
    trust::an_honest_centre_is_never_doubted_while_everybody_writes_to_the_same_values,
    order::units_and_pages_come_in_any_order,
    pairs::two_open_pushes_have_one_effect_in_whatever_order_they_arrive,
    versions::an_older_laptop_keeps_what_it_does_not_know_and_never_sends_it_back,
    liveness::two_loops_at_once_send_everything_once,
    liveness::a_queue_with_poison_in_it_empties_after_the_last_fault,
    liveness::signed_out_and_offline_never_look_the_same,
    liveness::a_herd_after_an_outage_is_let_in_bit_by_bit,
    files::a_file_added_offline_is_read_equal_elsewhere_and_sent_once,
    files::a_large_file_on_a_line_that_breaks_again_and_again_arrives_and_no_byte_goes_twice,
    files::who_may_not_see_a_record_learns_nothing_of_its_file,
    files::a_file_leaves_with_the_record_when_the_right_ends,
    files::a_revoked_laptop_hands_over_its_files_and_fetches_none,
    files::more_files_than_ones_share_are_refused_with_a_reason_and_go_later,
    files::another_file_under_a_name_is_refused_on_both_sides_and_told,
);
