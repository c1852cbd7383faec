//! What every driver must do, as functions a driver's own tests call with a fresh store. A driver
//! that passes keeps the promises; a promise that is not here is not kept. It must never know a
//! driver, nor take a driver's word: it writes, reads back and compares.
//!
//! Three macros make one test of each case, so that a new case reaches every driver by itself:
//!
//! ```ignore
//! // `setup` is an async expression that gives a record (or view) on which `migrate(&store::contract::tables())` has run; stores may be
//! // shared by tests that run at once: each case makes up names, positions and marks of its own.
//! store::record_contract!(open_record().await); // a record, or anything with `record(&self) -> &dyn Record`
//! store::view_contract!(open_view().await);
//! store::search_contract!(open_both().await); // anything with `searched(&self) -> Searched<'_>`
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

pub mod answers;
pub mod declarable;
pub mod documents;
pub mod fixture;
pub mod held;
pub mod ledger;
pub mod mappable;
pub mod rows;
pub mod search;
pub mod unique;
pub mod view;

pub use fixture::{Fixture, HasRecord, Searched, tables};

/// One test per case of the record's contract.
#[macro_export]
macro_rules! record_contract {
    ($setup:expr) => {
        $crate::record_contract! { @cases $setup;
            documents: a_stale_write_is_done_and_changes_nothing, the_same_write_again_is_done, the_same_version_of_another_request_is_an_alarm,
                a_newer_write_replaces, a_deletion_stays_against_late_older_writes, a_void_restores_an_older_state_at_a_newer_version,
                a_batch_repeated_changes_nothing, one_verdict_per_item_in_a_mixed_batch, a_document_of_a_mebibyte,
                bodies_come_back_byte_for_byte, ids_of_every_kind, answers_keep_the_order_of_the_keys, incarnations_do_not_mix,
                racing_writers_end_in_the_newest, a_scan_pages_over_all_and_leaves_markers_out,
                a_purge_removes_the_marker_and_nothing_newer, a_purge_at_the_version_of_another_request_is_an_alarm,
                markers_are_listed_page_by_page;
            rows: put_merge_remove, a_put_clears_what_it_does_not_name, older_merges_do_not_overwrite_newer_cells,
                a_removed_row_stays_against_late_older_writes, steps_order_mutations_of_one_decision, a_batch_of_rows_repeated_changes_nothing,
                nulls_are_left_out, every_type_comes_back, collections_are_replaced_whole, expired_rows_go, a_row_tells_when_it_goes, what_expired_hides_older_writes,
                a_before_image_restores_the_row, rows_keep_the_order_of_the_keys, misfits_are_permanent_and_alone;
            held: held_rows_are_scanned_in_the_order_of_their_queue, locks_are_scanned_by_bucket;
            ledger: a_newer_entry_replaces_never_the_reverse, entries_come_back_whole_and_in_order, a_claim_is_the_first_ones,
                racing_claims_have_one_winner, a_claim_taken_late_is_kept, a_text_is_kept_until_its_time, a_mark_never_goes_back, a_collection_is_made_once,
                racing_creators_agree, a_collection_is_replaced_and_dropped_by_its_incarnation,
                racing_changes_of_a_collection_have_one_winner, an_index_is_remembered_without_collections, collections_are_listed, a_migration_repeats, drift_is_named,
                a_table_grows_and_definitions_go_back;
            unique: a_value_has_one_holder, spools_that_hold_something_are_told, what_is_let_go_is_anybodys_but_a_late_takers, names_are_listed,
                what_a_key_takes_again_outlives_a_release_in_between, racing_takers_have_one_winner;
        }
    };
    (@cases $setup:expr; $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let store = $setup;
                $crate::contract::$module::$case($crate::contract::HasRecord::record(&store)).await;
            })+
        })+
    };
}

/// One test per case of the contract of a view with a store of its own (a view over the record's
/// own files has nothing to go stale).
#[macro_export]
macro_rules! view_contract {
    ($setup:expr) => {
        $crate::view_contract! { @cases $setup;
            a_stale_write_is_done_and_changes_nothing, the_same_version_of_another_request_is_an_alarm, a_newer_write_replaces,
            a_deletion_stays_against_late_older_writes, a_batch_repeated_changes_nothing, one_verdict_per_item_in_a_mixed_batch,
            a_purge_removes_the_marker_and_nothing_newer, a_purge_makes_no_place, a_document_of_a_mebibyte, a_collection_may_be_made_twice, what_check_refuses_the_view_refuses, what_check_takes_the_view_takes,
        }
    };
    (@cases $setup:expr; $($case:ident),+ $(,)?) => {
        mod view {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let store = $setup;
                $crate::contract::view::$case(&store).await;
            })+
        }
    };
}

/// One test per case of searching: every view gives the same answers to the clauses that all know.
#[macro_export]
macro_rules! search_contract {
    ($setup:expr) => {
        $crate::search_contract! { @cases $setup;
            queries_find_the_same_everywhere, declared_fields_find_the_same_everywhere, sorts_order_the_same_everywhere, pages_by_from_and_size, pages_by_search_after,
            deleted_documents_are_not_found, counts_agree_with_searches, sizes_grow_with_documents, bodies_of_hits_are_whole, malformed_searches_are_refused,
            several_collections_are_one_search, groups_are_shown_once, malformed_pages_are_named_the_same_everywhere,
            fields_of_the_index_are_refused_by_name,
            a_refresh_makes_writes_visible, documents_are_read_back, mappings_are_checked, a_mapping_takes_more_fields,
            a_dropped_incarnation_is_empty,
        }
    };
    (@cases $setup:expr; $($case:ident),+ $(,)?) => {
        mod search {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let stores = $setup;
                $crate::contract::search::$case(stores.searched()).await;
            })+
        }
    };
}
