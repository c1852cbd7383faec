//! Documents into bulk requests and verdicts out of the answers, one per document. Bounded in
//! bytes, in documents, and in requests on their way; a request that is refused as a whole is taken
//! apart until the document that spoils it is alone.

mod conflict;
mod purge;

use crate::{
    body,
    classify::{self, Item, Trouble, Whole},
    client::Client,
};
use bytes::Bytes;
use elasticsearch::http::Method;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use store::{DocumentWrite, ItemVerdict};

/// Elasticsearch refuses a longer id, and everything that came with it.
const LONGEST_ID: usize = 512;
/// Requests up to this size are not to blame for a node without memory: they wait.
const CROWDED: usize = 1 << 20;
/// How often a document that others keep raising is written again above.
const ROUNDS: usize = 3;

/// A document on its way.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Which write of the batch.
    pub(crate) item: usize,
    pub(crate) write: &'a DocumentWrite,
    pub(crate) alias: &'a str,
    /// The external version: the write's own, unless a higher one stands that is none of ours.
    pub(crate) version: u64,
}

impl Entry<'_> {
    fn size(&self) -> usize {
        let body = self.write.body.as_ref().map_or(2, |body| body.get().len());
        body + 2 * self.write.key.id.len() + self.alias.len() + 300
    }

    fn encode(&self, into: &mut Vec<u8>) {
        let id = Value::from(self.write.key.id.as_str());
        let action = if self.write.purged { "delete" } else { "index" };
        let action = format!(
            r#"{{"{action}":{{"_index":"{}","_id":{id},"version":{},"version_type":"external"}}}}"#,
            self.alias, self.version
        );
        into.extend(action.as_bytes());
        into.push(b'\n');
        if !self.write.purged {
            body::splice_source(self.write, into);
            into.push(b'\n');
        }
    }
}

/// `slot`: what the alias that is written by adds to the collection's.
pub(crate) async fn apply_writes(
    client: &Client,
    writes: &[DocumentWrite],
    slot: &str,
) -> Vec<ItemVerdict> {
    let mut verdicts: Vec<Option<ItemVerdict>> = vec![None; writes.len()];
    let mut aliases: HashMap<[&str; 3], Result<String, ItemVerdict>> = HashMap::new();
    for write in writes {
        aliases.entry(collection_key(write)).or_insert_with(|| {
            let [index, collection, incarnation] = collection_key(write);
            client
                .alias(index, collection, incarnation)
                .map(|alias| alias + slot)
                .map_err(|e| ItemVerdict::permanent("bad_name", e.to_string()))
        });
    }
    let mut entries = Vec::with_capacity(writes.len());
    for (item, write) in writes.iter().enumerate() {
        let id = write.key.id.len();
        match &aliases[&collection_key(write)] {
            _ if id == 0 || id > LONGEST_ID => {
                verdicts[item] = Some(ItemVerdict::permanent(
                    "bad_id",
                    format!("an id has 1 to {LONGEST_ID} bytes, not {id}"),
                ));
            }
            Err(verdict) => verdicts[item] = Some(verdict.clone()),
            Ok(alias) => entries.push(Entry {
                item,
                write,
                alias,
                version: write.meta.version.0,
            }),
        }
    }
    entries = purge::standing_only(client, entries, &mut verdicts).await;
    for _ in 0..ROUNDS {
        let conflicts = send_entries(client, &entries, &mut verdicts).await;
        if conflicts.is_empty() {
            break;
        }
        entries = conflict::resolve_conflicts(client, &conflicts, &mut verdicts).await;
    }
    let unsettled = || ItemVerdict::Transient("the document changes under our hands".to_owned());
    verdicts
        .into_iter()
        .map(|verdict| verdict.unwrap_or_else(unsettled))
        .collect()
}

fn collection_key(write: &DocumentWrite) -> [&str; 3] {
    [
        &write.key.index,
        &write.key.collection,
        &write.key.incarnation,
    ]
}

/// Sends all, fills in verdicts, and returns what met a version as high or higher.
async fn send_entries<'a>(
    client: &Client,
    entries: &[Entry<'a>],
    verdicts: &mut [Option<ItemVerdict>],
) -> Vec<Entry<'a>> {
    let chunks: Vec<_> = chunk_entries(
        entries,
        client.config().bulk_bytes,
        client.config().bulk_documents,
    );
    let requests: Vec<_> = chunks
        .into_iter()
        .map(|chunk| send_chunk(client, chunk))
        .collect();
    let mut answers = stream::iter(requests).buffer_unordered(client.config().bulks_in_flight);
    let mut conflicts = Vec::new();
    while let Some(answer) = answers.next().await {
        for (entry, outcome) in answer {
            match outcome {
                Item::Done => verdicts[entry.item] = Some(ItemVerdict::Done),
                Item::Transient(why) => verdicts[entry.item] = Some(ItemVerdict::Transient(why)),
                Item::Permanent { code, message } | Item::Split { code, message } => {
                    verdicts[entry.item] = Some(ItemVerdict::permanent(code, message));
                }
                Item::Conflict => conflicts.push(entry),
            }
        }
    }
    conflicts
}

/// Runs of entries within both bounds; one that is larger alone travels alone.
fn chunk_entries<'e, 'a>(
    entries: &'e [Entry<'a>],
    bytes: usize,
    count: usize,
) -> Vec<&'e [Entry<'a>]> {
    let (mut chunks, mut start, mut size) = (Vec::new(), 0, 0);
    for (n, entry) in entries.iter().enumerate() {
        if n > start && (size + entry.size() > bytes || n - start == count) {
            chunks.push(&entries[start..n]);
            (start, size) = (n, 0);
        }
        size += entry.size();
    }
    if start < entries.len() {
        chunks.push(&entries[start..]);
    }
    chunks
}

/// One outcome per entry; requests that fail as a whole are halved until the culprit is alone.
async fn send_chunk<'a>(client: &Client, chunk: &[Entry<'a>]) -> Vec<(Entry<'a>, Item)> {
    let mut outcomes = Vec::with_capacity(chunk.len());
    let mut open: Vec<Vec<Entry<'a>>> = vec![chunk.to_vec()];
    while let Some(group) = open.pop() {
        let answer = request_bulk(client, &group).await;
        match answer {
            Ok(items) => {
                for (entry, item) in group.iter().zip(items) {
                    match item {
                        Item::Split { .. } if group.len() > 1 => open.push(vec![*entry]),
                        item => outcomes.push((*entry, item)),
                    }
                }
            }
            Err(Whole::Split { .. }) if group.len() > 1 => open.extend(split_group(&group)),
            Err(Whole::Crowded(_))
                if group.len() > 1 && group.iter().map(Entry::size).sum::<usize>() > CROWDED =>
            {
                open.extend(split_group(&group))
            }
            Err(Whole::Split { code, message }) => {
                let alone = |entry: &Entry<'a>| {
                    (
                        *entry,
                        Item::Permanent {
                            code: code.clone(),
                            message: message.clone(),
                        },
                    )
                };
                outcomes.extend(group.iter().map(alone));
            }
            Err(Whole::Transient(why) | Whole::Crowded(why)) => outcomes.extend(
                group
                    .iter()
                    .map(|entry| (*entry, Item::Transient(why.clone()))),
            ),
            Err(Whole::Answered) => {}
        }
    }
    outcomes
}

/// The second first: the last of the open ones is the next.
fn split_group<'a>(group: &[Entry<'a>]) -> [Vec<Entry<'a>>; 2] {
    let (first, second) = group.split_at(group.len() / 2);
    [second.to_vec(), first.to_vec()]
}

#[derive(Deserialize)]
struct BulkAnswer {
    items: Vec<BulkItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum BulkItem {
    Index(BulkStatus),
    Delete(BulkStatus),
}

impl BulkItem {
    fn outcome(&self) -> Item {
        match self {
            // It was gone.
            Self::Delete(BulkStatus {
                status: 404,
                error: None,
            }) => Item::Done,
            Self::Index(one) | Self::Delete(one) => {
                classify::classify_item(one.status, one.error.as_ref())
            }
        }
    }
}

#[derive(Deserialize)]
struct BulkStatus {
    status: u16,
    error: Option<Trouble>,
}

async fn request_bulk(client: &Client, group: &[Entry<'_>]) -> Result<Vec<Item>, Whole> {
    let mut body = Vec::with_capacity(group.iter().map(Entry::size).sum());
    group.iter().for_each(|entry| entry.encode(&mut body));
    let _slot = client
        .bulks
        .acquire()
        .await
        .map_err(|_| Whole::Transient("the store is closed".to_owned()))?;
    // The server gives a missing shard up before we do, and then says so per item.
    let patience = client.config().request_timeout_ms / 2;
    let path = format!(
        "_bulk?require_alias=true&timeout={patience}ms&filter_path=items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
    );
    let answer = client
        .send(Method::Post, &path, Some(Bytes::from(body)))
        .await
        .map_err(|why| Whole::Transient(why.into_text()))?;
    read_outcomes(answer.status, &answer.body, group.len())
}

/// One outcome per item, or one for all.
fn read_outcomes(status: u16, body: &[u8], count: usize) -> Result<Vec<Item>, Whole> {
    let judgement = classify::classify_bulk(status, body);
    if judgement != Whole::Answered {
        return Err(judgement);
    }
    let unreadable = |why: String| {
        Whole::Transient(format!(
            "the answer to a bulk request cannot be read: {why}"
        ))
    };
    let answer: BulkAnswer = serde_json::from_slice(body).map_err(|e| unreadable(e.to_string()))?;
    if answer.items.len() != count {
        return Err(unreadable(format!(
            "{} items for {count} documents",
            answer.items.len()
        )));
    }
    Ok(answer.items.iter().map(BulkItem::outcome).collect())
}

#[cfg(test)]
mod tests;
