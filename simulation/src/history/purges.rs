//! Deletion markers are purged while everything else goes wrong: no store may take an older write of
//! a document whose marker went, and what was made again since must stay. At rest each marker must go,
//! since nothing needs one then.

use super::{History, PARTITIONS};
use crate::{
    faults::FaultKind,
    purger::{self, PurgeOrder},
};
use event_schema::{
    id::RequestId,
    purge::{MarkerToPurge, PURGE},
};
use std::time::Duration;

/// Longer than a call is on its way of a process that freezes in it, and than clocks differ.
pub(super) const LEAST_AGE: Duration = Duration::from_secs(45);
/// How far clocks are wrong where ages are counted by them, milliseconds.
pub(super) const CLOCK_ERROR: i64 = 5_000;
/// Of a store that may forget a minute is applied again, by a mark that may be a minute old.
const REMEMBERED: Duration = Duration::from_secs(130);
/// Between two lists at rest, and how many there are at most.
const PAUSE: Duration = Duration::from_secs(70);
const LISTS: u64 = 6;

impl History {
    pub(super) fn has_purges(&self) -> bool {
        self.faults.kinds().contains(&FaultKind::Purges)
    }

    pub(super) async fn step_purges(&mut self) {
        match self.dice.roll(5) {
            0 | 1 => {
                self.be_quiet().await;
                self.purge_some();
            }
            2 if self.faults.has(FaultKind::Freezes) => self.purge_beside_frozen().await,
            _ => self.purge_some(),
        }
    }

    fn purge_some(&mut self) {
        if self.is_filling_view() {
            return;
        }
        let found = self.markers();
        if let Some(order) = self.purger.visit(found, PARTITIONS, &self.dice) {
            self.ask_to_purge(&order);
        }
    }

    /// What a worker wrote when it froze may come when the markers of what followed are gone.
    async fn purge_beside_frozen(&mut self) {
        self.append();
        tokio::time::sleep(Duration::from_millis(self.dice.roll(60))).await;
        self.freeze_and_replace();
        for _ in 0..5 {
            self.append();
            tokio::time::sleep(Duration::from_millis(1_000 + self.dice.roll(2_000))).await;
            self.purge_some();
        }
    }

    /// Until markers are old.
    async fn be_quiet(&mut self) {
        let least = if self.is_forgetful() {
            REMEMBERED
        } else {
            LEAST_AGE
        };
        let longer = Duration::from_millis(self.dice.roll(10_000));
        self.note("all is quiet for a while");
        tokio::time::sleep(least + longer).await;
    }

    fn markers(&self) -> Vec<MarkerToPurge> {
        let found = self.record.markers().into_iter();
        found
            .map(|(name, version)| purger::marker(&name, version))
            .collect()
    }

    fn ask_to_purge(&mut self, order: &PurgeOrder) {
        let names: Vec<String> = order
            .asked
            .markers
            .iter()
            .map(|marker| format!("{} of {}", marker.document, marker.version))
            .collect();
        self.note(&format!("{PURGE} under {}: {names:?}", order.key));
        self.intend(PURGE, &order.key, event_schema::to_raw(&order.asked));
    }

    /// Is one asked for that was not decided yet?
    pub(super) fn is_purging(&self) -> bool {
        let is_open = |id: RequestId| {
            self.maker.intents.contains(&id.unique()) && self.record.entry(&id).is_none()
        };
        self.has_purges() && self.requests().into_iter().any(is_open)
    }

    /// Of what nothing needs any longer no marker is left in either store.
    pub(super) async fn purge_the_rest(&mut self) -> Result<(), String> {
        if !self.has_purges() {
            return Ok(());
        }
        let purged = self.record.purged();
        if purged > 0 {
            self.note(&format!("{purged} documents lost their markers"));
        }
        for _ in 0..LISTS {
            for order in purger::orders(&self.markers()) {
                self.ask_to_purge(&order);
            }
            self.resolve().await?;
            if self.markers().is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(marker) = self.markers().first() {
            return Err(format!("{marker:?} never goes"));
        }
        let documents = self.record.documents();
        let view = self.view.contents();
        match view.keys().find(|name| !documents.contains_key(*name)) {
            Some(name) => Err(format!("the view has something of {name}, which is purged")),
            None => Ok(()),
        }
    }
}
