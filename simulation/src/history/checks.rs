//! What must be so at the end of a history.

use super::History;
use crate::{events::AskedWrite, reading::LogReading};
use event_schema::{
    codec::{self, Parts},
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
    topics,
};
use std::collections::{BTreeMap, BTreeSet};

/// Of a key that keeps its order nothing was applied before what stands before it in the log.
fn check_order(entries: &[(AskedWrite, LedgerEntry)]) -> Result<(), String> {
    let mut last: BTreeMap<&str, &LedgerEntry> = BTreeMap::new();
    for (asked, entry) in entries {
        if asked.is_strict() && entry.verdict == Verdict::Applied {
            let before = last.insert(&asked.id, entry);
            if let Some(before) = before.filter(|before| before.version > entry.version) {
                return Err(format!("{entry:?} overtook {before:?}"));
            }
        }
    }
    Ok(())
}

impl History {
    pub(super) fn check(&mut self) -> Result<(), String> {
        let mut reading = LogReading::new(self.is_forgetful());
        let mut entries = Vec::new();
        for id in self.requests() {
            let Some(entry) = self.record.entry(&id) else {
                return Err("it was resolved a moment ago".into());
            };
            self.note(&format!("{id} {:?} at {}", entry.verdict, entry.version));
            if let Some(asked) = self.maker.asked.get(&id.unique()) {
                reading.claim(id.unique(), asked);
                entries.push((asked.clone(), entry));
            }
        }
        let stands: BTreeSet<[u8; 16]> = entries
            .iter()
            .map(|(_, entry)| entry.request.unique())
            .collect();
        let all = self.maker.asked.iter();
        all.filter(|(unique, _)| !stands.contains(*unique))
            .for_each(|(_, asked)| reading.lose(asked));
        check_order(&entries)?;
        // What need not stay in order was decided again at another place.
        entries.sort_by_key(|(asked, entry)| {
            let place = if asked.is_strict() {
                entry.position.offset.get()
            } else {
                entry.version.0
            };
            (asked.id.clone(), place)
        });
        for (asked, entry) in entries {
            reading.read(entry.request.unique(), &asked, &entry)?;
        }
        self.check_documents(&reading)?;
        self.check_dead_letters()
    }

    fn check_documents(&self, reading: &LogReading) -> Result<(), String> {
        let parse =
            |(id, text): (String, String)| (id, serde_json::from_str(&text).unwrap_or_default());
        let stored = self.record.documents().into_iter().map(parse).collect();
        if reading.documents != stored {
            return Err(format!(
                "the record store holds {stored:?}, a plain reading makes {:?}",
                reading.documents
            ));
        }
        let view = self.view.contents();
        for (id, body) in &reading.documents {
            let indexed = view.get(id).ok_or_else(|| format!("the view lacks {id}"))?;
            let text = indexed.body.as_ref().map_or("null", |body| body.get());
            let is_same = serde_json::from_str::<serde_json::Value>(text)
                .ok()
                .as_ref()
                == Some(body);
            if !is_same && !indexed.is_diverged {
                return Err(format!("the view holds {indexed:?} as {id}, not {body}"));
            }
        }
        let extra = view
            .iter()
            .find(|(id, indexed)| indexed.body.is_some() && !reading.documents.contains_key(*id));
        extra.map_or(Ok(()), |(id, _)| Err(format!("the view still holds {id}")))
    }

    /// Whatever was ever remembered as dead has a letter of that version, and no letter is of
    /// something that is not remembered.
    fn check_dead_letters(&self) -> Result<(), String> {
        let topic = self.layout.name(&topics::DEAD_LETTERS);
        let count = self.layout.partitions(&topics::DEAD_LETTERS);
        let mut letters = BTreeSet::new();
        for record in (0..count).flat_map(|partition| self.log.all(&topic, partition)) {
            let parts = Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            let letter = codec::decode_dead_letter(&parts).map_err(|error| error.to_string())?;
            letters.insert((letter.request.to_string(), letter.version));
        }
        if let Some((id, version)) = self.record.dead().difference(&letters).next() {
            return Err(format!("{id} was dead at {version} and has no letter"));
        }
        for (id, version) in letters {
            let entry = RequestId::parse_trusted(&id)
                .ok()
                .and_then(|id| self.record.entry(&id));
            // A damaged copy of a damaged record has a name, a row and a letter of its own.
            if entry.is_none_or(|entry| entry.version <= version) {
                return Err(format!(
                    "there is a letter of {id} at {version}, which came to nothing"
                ));
            }
        }
        Ok(())
    }
}
