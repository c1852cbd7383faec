//! What needs services, a log and stores.

mod change_feed;
mod serve;
mod store;

use instruction_counts::CountedStage;

pub static ALL: &[CountedStage] = &[
    serve::ACCEPT,
    serve::WRITE,
    change_feed::FOLD,
    store::APPLY,
    store::SEARCH,
];
