//! What the log says of each item whose hash lies in a range: folded from the records that count,
//! within a bound of memory. When it grows beyond that, the range shrinks; what fell out is left to
//! the next pass. Pure.

use crate::{
    finding::{FoldedCells, ItemName},
    partition::StandingRecord,
    row_fold::FoldedRow,
};
use change_feed::{document_name, row_name};
use event_schema::{
    Raw,
    decision::{Change, VoidEnd},
    id::RequestId,
    mutation::{DocumentChange, RowMutation},
    offset::ChangesOffset,
    outcome::Verdict,
    position::Position,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use store::schema::Table;

/// Where an item stands in the sweep: its hash, then its name.
pub(crate) type ItemPlace = (u64, Arc<str>);

/// What the log says of an item.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedItem {
    pub name: ItemName,
    pub partition: u16,
    /// Of the record that changed it last.
    pub at: ChangesOffset,
    pub request: RequestId,
    pub state: ExpectedState,
}

impl ExpectedItem {
    /// Of a row, where one deadline (or none) is enough to say it.
    pub fn folded_row(&self, now: i64) -> Option<FoldedCells> {
        match &self.state {
            ExpectedState::Row(row) => row.whole(now),
            ExpectedState::Document { .. } | ExpectedState::Verdict { .. } => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ExpectedState {
    Document {
        revision: u64,
        /// Of the body; none of a deletion.
        digest: Option<[u8; 16]>,
        /// The marker of the deletion is gone, too.
        purged: bool,
    },
    Row(FoldedRow),
    /// What the ledger says; none where that hangs on the queue of a key, or on what is decided anew.
    Verdict {
        verdict: Option<Verdict>,
        position: Position,
        /// Unix milliseconds.
        decided: i64,
    },
}

/// The items of a range.
pub(crate) struct ExpectedItems {
    pub items: BTreeMap<ItemPlace, ExpectedItem>,
    /// Hashes from here on,
    start: u64,
    /// up to here, not included; none: all of them.
    end: Option<u64>,
    sample: u64,
    bytes: usize,
    limit: usize,
    tables: Arc<HashMap<String, Table>>,
}

/// Of a body, but for line breaks, which a view may have made spaces of.
pub(crate) fn body_digest(body: &Raw) -> [u8; 16] {
    let text = body.get().replace('\n', " ");
    let hash = Sha256::digest(text.as_bytes());
    hash[..16].try_into().expect("a hash has 32 bytes")
}

/// The same for whoever asks, whenever.
pub(crate) fn name_hash(name: &str) -> u64 {
    let hash = Sha256::digest(name.as_bytes());
    u64::from_be_bytes(hash[..8].try_into().expect("a hash has 32 bytes"))
}

pub(crate) fn request_name(request: &RequestId) -> String {
    format!("request {request}")
}

impl ExpectedItems {
    pub fn new(start: u64, sample: u64, limit: usize, tables: Arc<HashMap<String, Table>>) -> Self {
        Self {
            items: BTreeMap::new(),
            start,
            end: None,
            sample: sample.max(1),
            bytes: 0,
            limit,
            tables,
        }
    }

    /// Where the next pass begins; none: this one is the last.
    pub fn end(&self) -> Option<u64> {
        self.end
    }

    /// Where an item of this name stands, if it belongs to this pass.
    pub fn place(&self, name: &str) -> Option<ItemPlace> {
        let hash = name_hash(name);
        let is_ours = hash >= self.start
            && self.end.is_none_or(|end| hash < end)
            && hash.is_multiple_of(self.sample);
        is_ours.then(|| (hash, name.into()))
    }

    /// Takes a record that counts and stands.
    pub fn fold(&mut self, record: StandingRecord<'_>) {
        let (partition, at) = (record.partition, record.offset);
        match record.change {
            Change::Open(_) | Change::Mark(_) => {}
            Change::Decision(decision) => {
                let source = (partition, at, decision.request);
                self.put_effects(source, &decision.documents, &decision.rows);
                let verdict = Some(decision.verdict.clone());
                if let Some(by) = &decision.by {
                    let asked = (partition, at, by.request);
                    self.put_verdict(asked, verdict.clone(), by.position, decision.decided);
                }
                self.put_verdict(source, verdict, decision.position, decision.decided);
            }
            Change::Void(void) => {
                let source = (partition, at, void.request);
                self.put_effects(source, &void.documents, &void.rows);
                let verdict = match &void.ends {
                    VoidEnd::Refused(refusal) => Some(Verdict::Refused(refusal.clone())),
                    // The queue of its key says what it is.
                    VoidEnd::Dead(_) | VoidEnd::Anew | VoidEnd::Held => None,
                };
                if let Some(by) = &void.by {
                    // It is decided anew, or refused for what it rested on.
                    self.put_verdict((partition, at, by.request), None, by.position, void.time);
                }
                self.put_verdict(source, verdict, void.position, void.time);
            }
        }
        while self.bytes > self.limit && self.items.len() > 1 {
            self.drop_upper_half();
        }
    }

    fn put_effects(
        &mut self,
        source: (u16, ChangesOffset, RequestId),
        documents: &[DocumentChange],
        rows: &[RowMutation],
    ) {
        for change in documents {
            let state = ExpectedState::Document {
                revision: change.revision,
                digest: change.after.as_ref().map(body_digest),
                purged: change.purged,
            };
            let name = || ItemName::Document {
                document: change.key.clone(),
            };
            self.put_item(source, &document_name(&change.key), name, state);
        }
        for row in rows {
            self.put_row(source, row);
        }
    }

    fn put_row(&mut self, source: (u16, ChangesOffset, RequestId), row: &RowMutation) {
        let text = row_name(&row.key);
        let Some(place) = self.place(&text) else {
            return;
        };
        let tables = self.tables.clone();
        let table = tables.get(&row.key.table);
        let mut folded = match self.items.get(&place) {
            Some(ExpectedItem {
                state: ExpectedState::Row(folded),
                ..
            }) => folded.clone(),
            Some(_) | None => FoldedRow::before(row, table),
        };
        folded.apply(row, table);
        let name = || ItemName::Row {
            row: row.key.clone(),
        };
        self.put_item(source, &text, name, ExpectedState::Row(folded));
    }

    fn put_verdict(
        &mut self,
        source: (u16, ChangesOffset, RequestId),
        verdict: Option<Verdict>,
        position: Position,
        decided: i64,
    ) {
        let state = ExpectedState::Verdict {
            verdict,
            position,
            decided,
        };
        let name = || ItemName::Request { ledger: source.2 };
        self.put_item(source, &request_name(&source.2), name, state);
    }

    fn put_item(
        &mut self,
        (partition, at, request): (u16, ChangesOffset, RequestId),
        text: &str,
        name: impl FnOnce() -> ItemName,
        state: ExpectedState,
    ) {
        let Some(place) = self.place(text) else {
            return;
        };
        self.bytes += item_size(text, &state);
        match self.items.get_mut(&place) {
            Some(item) => {
                self.bytes -= item_size(text, &item.state);
                (item.partition, item.at, item.request) = (partition, at, request);
                item.state = state;
            }
            None => {
                let item = ExpectedItem {
                    name: name(),
                    partition,
                    at,
                    request,
                    state,
                };
                self.items.insert(place, item);
            }
        }
    }

    /// Leaves the upper half to the next pass.
    fn drop_upper_half(&mut self) {
        let Some((middle, _)) = self.items.keys().nth(self.items.len() / 2).cloned() else {
            return;
        };
        let first = self.items.keys().next().map(|(hash, _)| *hash);
        if first == Some(middle) {
            return;
        }
        let gone = self.items.split_off(&(middle, "".into()));
        let bytes = |((_, text), item): (&ItemPlace, &ExpectedItem)| item_size(text, &item.state);
        self.bytes -= gone.iter().map(bytes).sum::<usize>();
        self.end = Some(middle);
    }
}

/// Bytes that an item takes, about.
fn item_size(text: &str, state: &ExpectedState) -> usize {
    let state = match state {
        ExpectedState::Document { .. } => 0,
        ExpectedState::Row(row) => row.size(),
        ExpectedState::Verdict { .. } => 64,
    };
    300 + 2 * text.len() + state
}
