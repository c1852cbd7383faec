//! Whoever purges deletion markers: lists those of the record store and asks their owners to purge
//! them, now and then by what was listed a while ago, twice in one list, or at another's partition.

use crate::{dice::SharedDice, events};
use event_schema::{
    id::EntityKey,
    mutation::DocumentKey,
    position::Version,
    purge::{MarkerToPurge, PurgeIntent},
};

/// Markers to ask for, under the key by which the intent finds its partition.
#[derive(Debug)]
pub struct PurgeOrder {
    pub key: EntityKey,
    pub asked: PurgeIntent,
}

#[derive(Debug, Default)]
pub struct Purger {
    /// What was listed a while ago.
    seen: Vec<MarkerToPurge>,
}

impl Purger {
    /// Asks for the markers of one partition.
    pub fn visit(
        &mut self,
        now: Vec<MarkerToPurge>,
        partitions: u16,
        dice: &SharedDice,
    ) -> Option<PurgeOrder> {
        if !dice.once_in(3) {
            self.seen = now;
        }
        let first = dice.pick(&self.seen)?.clone();
        let partition = first.key.partition(partitions);
        let of_partition = |marker: &&MarkerToPurge| marker.key.partition(partitions) == partition;
        let mut markers: Vec<_> = self.seen.iter().filter(of_partition).cloned().collect();
        if dice.once_in(6) {
            markers.push(first.clone());
        }
        let mut key = first.key;
        if dice.once_in(8) {
            key = dice.pick(&self.seen)?.key.clone();
        }
        Some(order(key, markers))
    }
}

/// All of these, each of the partition that owns it.
#[must_use]
pub fn orders(markers: &[MarkerToPurge]) -> Vec<PurgeOrder> {
    let all = markers.iter();
    all.map(|marker| order(marker.key.clone(), vec![marker.clone()]))
        .collect()
}

fn order(key: EntityKey, markers: Vec<MarkerToPurge>) -> PurgeOrder {
    let asked = PurgeIntent {
        markers,
        older_than_ms: 0,
        reason: None,
    };
    PurgeOrder { key, asked }
}

/// The marker of this document, with the key that owns it.
#[must_use]
pub fn marker(name: &str, version: Version) -> MarkerToPurge {
    let (collection, id) = name.split_once('/').expect("it names its collection");
    let all = events::collections();
    let of = all.iter().find(|one| one.collection == collection);
    let of = of.expect("a collection of ours");
    let document = DocumentKey {
        index: of.index.clone(),
        collection: of.collection.clone(),
        incarnation: of.incarnation.clone(),
        id: id.into(),
    };
    let key = match collection {
        "towns" => EntityKey(format!("town/{id}")),
        _ => EntityKey(document.to_string()),
    };
    MarkerToPurge {
        document,
        version,
        key,
    }
}
