//! The embedded driver: the contract, and what only files can get wrong.

use crate::contract::{self, Bed};
use event_log::embedded::{self, Options};
use std::sync::Arc;

fn bed() -> Bed {
    bed_with(Options::default())
}

fn bed_with(options: Options) -> Bed {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let (log, handle) = embedded::open_log(folder.path(), options.clone()).unwrap();
    let mut handle = Some(handle);
    let restart: contract::Restart = Box::new(move || {
        handle.take().unwrap().close();
        let (log, again) = embedded::open_log(folder.path(), options.clone()).unwrap();
        handle = Some(again);
        log
    });
    Bed::new(log, restart)
}

fn small() -> Bed {
    bed_with(Options {
        queue_records: 10,
        ..Options::default()
    })
}

contract::suite!(crate::embedded::bed, crate::embedded::small);

mod copy;
mod crash;
mod topics_again;
mod upkeep;
