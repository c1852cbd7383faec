//! The embedded store: a batch of documents written, a page of them searched.

use crate::pipeline::{CountedPipeline, on_one_thread};
use event_schema::{
    id::RequestId,
    mutation::DocumentKey,
    offset::{ChangesOffset, TransactionsOffset},
    position::{Position, Version},
    signing::Keyring,
    to_raw,
};
use instruction_counts::{
    CountedStage,
    workload::{self, COLLECTION, INDEX},
};
use serde_json::json;
use std::hint::black_box;
use store::{
    document::{DocumentWrite, Meta, Write},
    search::SearchRequest,
};

pub const APPLY: CountedStage = CountedStage {
    name: "apply-embedded",
    about: "a document of 1 KiB in a batch of a hundred, SQLite's part with it",
    events: 1_000,
    run: apply,
};

pub const SEARCH: CountedStage = CountedStage {
    name: "search-embedded",
    about: "two terms and a range over 1,000 documents, ten of them shown",
    events: 10,
    run: search,
};

const BATCH: u64 = 100;
const SEARCHED: u64 = 1_000;

fn write_of(n: u64) -> Write {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let mut unique = [0; 16];
    unique[..8].copy_from_slice(&n.to_be_bytes());
    Write::Document(DocumentWrite {
        key: DocumentKey {
            index: INDEX.into(),
            collection: COLLECTION.into(),
            incarnation: "counted0".into(),
            id: format!("d{n:06}"),
        },
        meta: Meta {
            version: Version::new(1, ChangesOffset::new(n + 1)),
            position: Position {
                generation: 1,
                partition: 0,
                offset: TransactionsOffset::new(n),
            },
            revision: 1,
            request: RequestId::mint(&keys, 1, 0, unique),
        },
        body: Some(to_raw(&workload::document(n))),
        diverged: false,
        purged: false,
    })
}

async fn write_documents(pipeline: &CountedPipeline, count: u64) {
    for first in (0..count).step_by(BATCH as usize) {
        let batch: Vec<Write> = (first..count.min(first + BATCH)).map(write_of).collect();
        let verdicts = pipeline.folder.record.apply(&batch).await;
        assert_eq!(verdicts.len(), batch.len());
    }
}

fn apply(events: u64) {
    on_one_thread(async {
        let pipeline = CountedPipeline::of_files().await;
        write_documents(&pipeline, BATCH + events).await;
    });
}

fn search(events: u64) {
    on_one_thread(async {
        let pipeline = CountedPipeline::of_files().await;
        write_documents(&pipeline, SEARCHED).await;
        let query = json!({"query": {"bool": {"filter": [
            {"terms": {"country": ["FR", "JP"]}},
            {"range": {"population": {"gte": 1_200_000, "lt": 1_800_000}}},
        ]}}, "sort": [{"name": "asc"}]});
        let request: SearchRequest = serde_json::from_value(query).expect("a search");
        let collection = CountedPipeline::collection();
        for _ in 0..events + 2 {
            let found = pipeline.folder.view.search(&collection, &request).await;
            drop(black_box(found.expect("the search is answered")));
        }
    });
}
