//! What must be so at the end of a history.

use super::History;
use crate::{faults::FaultKind, reading::LogReading};
use event_schema::{
    codec::{self, Parts},
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
    topics,
};
use std::collections::{BTreeMap, BTreeSet};

impl History {
    pub(super) fn check(&mut self) -> Result<(), String> {
        let mut reading = LogReading::new(self.faults.kinds().contains(&FaultKind::Forgetful));
        let mut dead = BTreeMap::new();
        for id in self.requests() {
            let entry = self
                .record
                .entry(&id)
                .ok_or("it was resolved a moment ago")?;
            let asked = &self.maker.asked[&id.unique()];
            reading.read(id.unique(), asked, &entry)?;
            self.note(&format!("{id} {:?} at {}", entry.verdict, entry.version));
            if let Verdict::DeadLettered(_) = entry.verdict {
                dead.insert(id.to_string(), entry);
            }
        }
        self.check_documents(&reading)?;
        self.check_dead_letters(&dead)
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
            let text = indexed.body.as_deref().unwrap_or("null");
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

    /// Each dead request has the letter of its version, and no other request has one that holds.
    fn check_dead_letters(&self, dead: &BTreeMap<String, LedgerEntry>) -> Result<(), String> {
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
        for (id, entry) in dead {
            if !letters.contains(&(id.clone(), entry.version)) {
                return Err(format!(
                    "{id} is dead at {} and has no letter",
                    entry.version
                ));
            }
        }
        for (id, version) in letters {
            let entry = RequestId::parse_trusted(&id)
                .ok()
                .and_then(|id| self.record.entry(&id));
            // A damaged copy of a damaged record has a name, a row and a letter of its own.
            let holds = entry.is_some_and(|entry| {
                entry.version > version || matches!(entry.verdict, Verdict::DeadLettered(_))
            });
            if !holds {
                return Err(format!(
                    "there is a letter of {id} at {version}, which is not dead"
                ));
            }
        }
        Ok(())
    }
}
