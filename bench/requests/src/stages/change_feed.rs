//! What every reader of `changes` does with a record: decode it, and fold it by the rule that says
//! whether it counts.

use crate::{
    pipeline::{BehindGateway, CountedPipeline, on_one_thread},
    stages::serve::{TARGET, WAITS},
};
use change_feed::Window;
use event_log::{Limits, Record};
use event_schema::{
    codec::{self, Parts},
    offset::ChangesOffset,
    topics::CHANGES,
};
use instruction_counts::{CountedStage, workload};
use std::{hint::black_box, time::Duration};

pub const FOLD: CountedStage = CountedStage {
    name: "fold",
    about: "a decision of 1 KiB from `changes`, decoded and folded",
    events: 2_000,
    run: fold,
};

/// Writes whose records are folded again and again.
const WRITES: u64 = 32;

fn fold(events: u64) {
    let records = on_one_thread(written_records());
    let mut left = events as usize;
    while left > 0 {
        let mut window = Window::from(1, 0, None);
        for record in records.iter().take(left) {
            let change = codec::decode_change(black_box(record)).expect("a record of ours");
            window.fold(ChangesOffset::new(left as u64), &change);
        }
        left = left.saturating_sub(records.len());
        black_box(&window);
    }
}

/// What a worker appends for some writes.
async fn written_records() -> Vec<Parts> {
    let pipeline = CountedPipeline::of_files().await;
    let mut connection = pipeline.serve(BehindGateway::Worker).await;
    for n in 0..WRITES {
        let request = workload::request(n);
        assert_eq!(connection.post(TARGET, WAITS, &request).await, 200);
    }
    let topic = pipeline.layout.name(&CHANGES);
    let log = &pipeline.folder.log;
    let end = log.admin.offsets(&topic, 0).await.expect("the topic").end;
    let limits = Limits {
        records: 1_000,
        bytes: 64 << 20,
    };
    let wait = Duration::from_secs(60);
    let records = log.reader.read(&topic, 0, 0, end, limits, wait).await;
    let records = records.expect("the log is read");
    let parts = |record: Record| Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    records.into_iter().map(parts).collect()
}
