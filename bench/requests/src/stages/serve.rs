//! Requests on a connection, one after the other: what is asked of a processor when nothing waits.

use crate::pipeline::{BehindGateway, CountedPipeline, on_one_thread};
use instruction_counts::{CountedStage, workload};

pub const ACCEPT: CountedStage = CountedStage {
    name: "accept",
    about: "a write of 1 KiB over HTTP: from its first byte to 202, the log's commit with it",
    events: 200,
    run: accept,
};

pub const WRITE: CountedStage = CountedStage {
    name: "write",
    about: "the same, answered when it is applied: gateway, log, worker and store",
    events: 100,
    run: write,
};

pub const TARGET: &str = "/v1/operations/document.createOrReplace";
/// A header by which a request is answered when it is applied.
pub const WAITS: &str = "prefer: wait=60\r\n";

/// Requests before the counted ones: what is made once is made then.
const FIRST: u64 = 64;
/// Documents that are written again and again: making a request is not counted.
const DIFFERENT: u64 = 64;

fn accept(events: u64) {
    post_all(BehindGateway::Nothing, "", events, 202);
}

fn write(events: u64) {
    post_all(BehindGateway::Worker, WAITS, events, 200);
}

fn post_all(behind: BehindGateway, headers: &str, events: u64, expected: u16) {
    on_one_thread(async {
        let pipeline = CountedPipeline::of_files().await;
        let mut connection = pipeline.serve(behind).await;
        let requests: Vec<String> = (0..DIFFERENT).map(workload::request).collect();
        for n in 0..FIRST + events {
            let request = &requests[(n % DIFFERENT) as usize];
            let status = connection.post(TARGET, headers, request).await;
            assert_eq!(status, expected);
        }
    });
}
