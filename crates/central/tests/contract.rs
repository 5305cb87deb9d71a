//! The contract of an engine on both of them: SQLite in files, and a real PostgreSQL.

mod suite;

use suite::{embedded, postgres};

mod contract {
    pub use crate::suite::{contract::*, unit_rows::*};
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            use super::*;
            $(#[test] fn $name() { let ground = embedded(); contract::$name(ground.engine.as_ref()); })+
        }
        mod on_postgresql {
            use super::*;
            $(#[test] fn $name() { let ground = postgres(); contract::$name(ground.engine.as_ref()); })+
        }
    };
}

on_both!(
    realms_are_founded_once,
    a_head_follows_what_is_saved,
    rows_of_every_entity_come_back_equal,
    rows_are_found_by_a_field,
    rows_of_a_unit_come_in_the_order_of_keys,
    rows_of_a_unit_do_not_depend_on_the_unit_before,
    envelopes_and_verdicts_come_back_as_they_were,
    a_journal_is_open_until_it_is_settled,
    what_is_held_waits_until_it_is_released,
    claims_and_digests_are_replaced,
    laptops_and_their_lives_come_back,
    invitations_and_sessions_are_found_by_hash,
    the_log_is_told_in_whole_mutations,
    a_part_that_is_saved_beside_is_seen_and_kept_or_goes_with_the_whole,
    a_part_may_refer_to_what_was_written_before,
    what_work_begins_with_is_answered_as_each_by_itself,
);
