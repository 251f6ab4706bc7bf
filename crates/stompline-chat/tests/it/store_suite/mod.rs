//! What every store promises, tested the same way on each.
//!
//! A new back-end proves itself by implementing [`Backend`] and adding one line at the end of this file.

mod access;
mod conversation;
mod idempotency;
mod order;
mod pointer;
mod read;
mod restart;
mod sync;

pub(crate) use self::sync::Client;
use crate::desk::{Desk, TestClock};

/// A kind of store under test, with a database of its own that can be opened again.
pub(crate) trait Backend {
    /// Keeps every commit from completing until it is dropped.
    type Stall;

    /// A fresh, empty database.
    fn create() -> Self;

    /// The clock of every store opened on it.
    fn clock(&self) -> &TestClock;

    /// Opens the database; only one store at a time. At least a thousand batches can wait in its channel.
    async fn open(&self) -> Desk;

    /// Makes the next commit slow.
    async fn stall(&self) -> Self::Stall;
}

macro_rules! instantiate {
    ($backend:ty, $module:ident: $($test:ident),* $(,)?) => {
        mod $module {
            $(#[tokio::test]
            async fn $test() {
                use $crate::store_suite::Backend;
                $crate::store_suite::$module::$test(&<$backend>::create()).await;
            })*
        }
    };
}

macro_rules! store_suite {
    ($name:ident: $backend:ty) => {
        mod $name {
            instantiate!($backend, access:
                customers_never_see_each_other,
                agents_see_waiting_and_own,
                same_id_in_both_roles_is_two_people,
                strangers_cannot_change_anything,
            );
            instantiate!($backend, conversation:
                first_message_opens_a_conversation,
                concurrent_first_messages_open_one,
                one_of_many_takers_wins,
                agent_message_takes_a_waiting_conversation,
                agent_message_finds_the_customer,
                closing_is_final_for_agents_and_idempotent,
                message_within_a_day_reopens,
                message_after_a_day_opens_another,
                start_after_close_opens_another,
                message_to_an_older_conversation_is_refused,
                refused_command_does_not_undo_its_batch,
                new_name_is_announced,
                roles_cannot_swap_commands,
            );
            instantiate!($backend, idempotency:
                ten_repetitions_yield_one_message,
                client_ids_belong_to_their_sender,
                repetition_after_close_finds_the_first,
                repeated_start_finds_the_first,
            );
            instantiate!($backend, order:
                seq_is_dense_under_fifty_senders,
                revs_and_chains_have_no_gap,
                commands_keep_their_order,
                batch_is_handed_over_before_its_results,
                queue_changes_are_chained,
            );
            instantiate!($backend, pointer:
                pointers_only_grow,
                pointers_are_part_of_the_head,
            );
            instantiate!($backend, read:
                history_keeps_its_bounds,
                history_of_long_texts_comes_in_pieces,
                customer_may_leave_out_the_conversation,
                bootstrap_of_a_customer,
                bootstrap_of_an_agent,
                own_conversations_come_page_by_page,
                queue_names_who_waits_longest,
                unread_counts_the_other_side,
            );
            instantiate!($backend, restart:
                every_state_survives,
                stamps_go_on_where_they_were,
                closed_store_refuses_everything,
            );
            instantiate!($backend, sync:
                sync_from_zero_brings_everything_once,
                sync_converges_while_writes_go_on,
                open_limits_the_messages,
                conversation_of_another_agent_is_gone,
                conversation_closed_while_waiting_is_gone,
                foreign_cursor_is_told_to_reset,
                checkpoint_names_what_changed,
                customers_behind_are_those_with_news,
            );
        }
    };
}

store_suite!(sqlite: crate::sqlite::SqliteBackend);
store_suite!(postgres: crate::postgres::PostgresBackend);
