//! Reading the topic `dead-letters`, on whatever log there is. Of a data folder, which a running
//! process may hold, a copy is read.

use crate::{
    failure::Failure,
    settings::{LogKind, Settings},
    stack::{Stack, patiently},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use event_log::{Log, Record, embedded};
use event_schema::{
    codec::{self, Parts},
    decision::{DeadLetter, OriginalRecord},
    topics::DEAD_LETTERS,
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
const PARTITION: u16 = 0;

/// A dead letter and where it is.
#[derive(Debug, Serialize)]
pub struct Letter {
    pub offset: u64,
    /// When it was written, RFC 3339.
    pub time: String,
    #[serde(flatten)]
    pub content: Content,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Content {
    Letter(Box<Readable>),
    /// A record there that is no dead letter.
    Unreadable {
        unreadable: String,
    },
}

/// The letter with its original decoded, as far as it is text.
#[derive(Debug, Serialize)]
pub struct Readable {
    pub request: String,
    /// The entity key; empty where the record could not be decoded.
    pub key: String,
    pub operation: Option<String>,
    pub partition: u16,
    pub position: u64,
    /// Of the decision that made it a dead letter.
    pub version: u64,
    pub code: String,
    pub message: String,
    pub store: Option<String>,
    pub original: Original,
}

#[derive(Debug, Serialize)]
pub struct Original {
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub value: Body,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body {
    Json(Box<RawValue>),
    Text(String),
    /// Neither JSON nor text.
    Bytes {
        base64: String,
    },
    None(Value),
}

/// Every letter that is kept, oldest first, from `from` on.
pub async fn read(settings: &Settings, from: u64) -> Result<Vec<Letter>, Failure> {
    let topic = settings.topics.layout().name(&DEAD_LETTERS);
    if settings.log.kind == LogKind::Kafka {
        let stack = Stack::open(settings).await?;
        return of(&stack.log, &topic, from).await;
    }
    let copy = tempfile::tempdir()?;
    if !embedded::copy_topic(&settings.data.join("log"), &topic, copy.path())? {
        let hint =
            "another folder: --set data=FOLDER; servers: --config FILE with log.kind = \"kafka\"";
        return Err(Failure::failed(format!(
            "there is no pipeline's data in {}",
            settings.data.display()
        ))
        .hint(hint));
    }
    let (log, handle) = embedded::open(copy.path(), embedded::Options::default())
        .map_err(|error| Failure::failed(error.to_string()))?;
    let letters = of(&log, &topic, from).await;
    handle.shutdown().await;
    letters
}

async fn of(log: &Log, topic: &str, from: u64) -> Result<Vec<Letter>, Failure> {
    let kept = patiently(PATIENCE, async || {
        Ok(log.scan_kept(topic, PARTITION, from).await?)
    });
    let mut scan = kept.await?.with_patience(PATIENCE);
    let mut letters = Vec::new();
    while let Some(records) = scan.next().await? {
        letters.extend(records.into_iter().map(letter));
    }
    Ok(letters)
}

fn letter(record: Record) -> Letter {
    let (offset, time) = (record.offset, codec::rfc3339(record.timestamp));
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    let content = match codec::decode_dead_letter(&parts) {
        Ok(letter) => Content::Letter(Box::new(readable(letter))),
        Err(error) => Content::Unreadable {
            unreadable: error.to_string(),
        },
    };
    Letter {
        offset,
        time,
        content,
    }
}

fn readable(letter: DeadLetter) -> Readable {
    let OriginalRecord {
        key,
        value,
        headers,
    } = letter.original;
    Readable {
        request: letter.request.to_string(),
        key: letter.key.0,
        operation: letter.operation,
        partition: letter.position.partition,
        position: letter.position.offset.get(),
        version: letter.version.0,
        code: letter.reason.code,
        message: letter.reason.message,
        store: letter.reason.store,
        original: Original {
            key: key.map(|key| text(&key)),
            headers: headers
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            value: value.map_or(Body::None(Value::Null), body),
        },
    }
}

/// Of base64, where it is text; otherwise as it is.
fn text(encoded: &str) -> String {
    STANDARD
        .decode(encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| encoded.to_owned())
}

fn body(encoded: String) -> Body {
    let Some(text) = STANDARD
        .decode(&encoded)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return Body::Bytes { base64: encoded };
    };
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(json) => Body::Json(json),
        Err(_) => Body::Text(text),
    }
}

#[cfg(test)]
mod tests;
