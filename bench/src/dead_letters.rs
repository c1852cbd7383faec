//! Dead letters to be measured with: an operation whose events keep the order of their key, and
//! which cannot be planned without a body.

use crate::workload;
use bytes::Bytes;
use consign::{client::Client, failure::Failure};
use serde_json::{Value, json};
use std::ops::Range;

pub const OPERATION: &str = "letter.put";

const DEFINITIONS: &str = include_str!("letters.yaml");

/// The definitions of the operation, in a folder that is gone afterwards.
pub struct DefinitionsFolder(tempfile::TempDir);

impl DefinitionsFolder {
    pub fn make() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("consign-bench").tempdir()?;
        std::fs::write(folder.path().join("letter.yaml"), DEFINITIONS)?;
        Ok(Self(folder))
    }

    /// Settings by which services know the operation, and no number of dead letters is too many.
    pub fn settings(&self) -> [String; 2] {
        let folder = json!([self.0.path()]);
        [
            format!("catalog.folders={folder}"),
            "worker.flood_limit=0".to_owned(),
        ]
    }
}

/// What a request of the operation holds.
#[derive(Clone, Copy, Debug)]
pub enum LetterBody {
    Whole,
    /// It cannot be planned.
    Missing,
}

/// The document that the n-th request holds, or should.
pub fn document(n: u64) -> Value {
    let request: Value = serde_json::from_str(&workload::request(n)).unwrap_or_default();
    request["body"].clone()
}

/// Sends one request for each key; answers the token that covers them.
pub async fn send(client: &Client, keys: Range<u64>, body: LetterBody) -> Result<String, Failure> {
    let lines = keys.end - keys.start;
    workload::send_bulk_of(client, OPERATION, bulk(keys, body), lines).await
}

fn bulk(keys: Range<u64>, body: LetterBody) -> Bytes {
    let line = |n: u64| {
        let request = match body {
            LetterBody::Whole => json!({"id": format!("k{n}"), "body": document(n)}),
            LetterBody::Missing => json!({"id": format!("k{n}")}),
        };
        format!("{request}\n")
    };
    keys.map(line).collect::<String>().into()
}

/// Says no if not so many keys have a dead letter, each with so many parked behind it.
pub async fn expect_dead(client: &Client, keys: u64, parked: Option<u64>) -> Result<(), Failure> {
    let answer = client.get("/v1/dead-letters?limit=1").await?.succeeded()?;
    let found = (
        answer["count"].as_u64(),
        answer["dead_letters"][0]["waiting"].as_u64(),
    );
    if found == (Some(keys), parked) {
        return Ok(());
    }
    let why = format!("{keys} dead letters with {parked:?} behind each were wanted: {answer}");
    Err(Failure::failed(why))
}
