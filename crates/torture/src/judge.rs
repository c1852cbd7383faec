//! The judge: what must be true of every run, whatever was killed, frozen or cut meanwhile. A pure
//! function over the recorded history; it never forgives anything because there was a fault.
//!
//! The log's places give the order, the only one that counts. Each acknowledged write has one final
//! verdict that never changed and is the one that the order gives; it had its effect once, behind
//! what was acknowledged before it was sent; what is written together is there together; record and
//! view hold what the applied writes make; a read by token shows its write; a subscriber that goes
//! on where it was hears of each change, in the order of its document.

mod finding;
mod key;
mod model;
mod notifications;
mod reads;
mod smallest;
mod statuses;
#[cfg(test)]
mod tests;

use crate::history::{AcknowledgedWrite, RunHistory};
use key::KeyHistory;
use statuses::WriteVerdict;
use std::collections::BTreeMap;

pub use finding::{Finding, FindingKind};
pub use smallest::smallest_history;

/// Everything that must not be; nothing is what a run should come to.
#[must_use]
pub fn judge_history(history: &RunHistory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let verdicts = statuses::judge_statuses(history, &mut findings);
    statuses::shared_places(history, &verdicts, &mut findings);
    let mut keys: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, write) in history.writes.iter().enumerate() {
        keys.entry(&write.key).or_default().push(number);
    }
    let reads = reads::by_key(history);
    let mut ordered = BTreeMap::new();
    for (key, writes) in keys {
        let Some(key_history) = KeyHistory::new(history, key, writes, &verdicts) else {
            // Its order is not known; that is a finding already.
            continue;
        };
        key_history.judge(&mut findings);
        reads::judge_reads(&key_history, &reads, &mut findings);
        ordered.insert(key, key_history.numbers().to_vec());
    }
    notifications::judge_notifications(history, &verdicts, &ordered, &mut findings);
    findings
}

/// The documents that make up a key, as `collection/id`.
fn key_documents(key: &str) -> Vec<String> {
    match key.split_once('/') {
        Some(("pairs", id)) => vec![format!("left/{id}"), format!("right/{id}")],
        _ => vec![key.to_owned()],
    }
}

/// Must the log hold `earlier` before `later`? A spooled write has its place when it arrives there.
fn is_before(earlier: &AcknowledgedWrite, later: &AcknowledgedWrite) -> bool {
    let has_its_order = !earlier.spooled || earlier.gateway == later.gateway;
    earlier.acknowledged < later.sent && has_its_order
}

/// The final verdict of each write, by its number; none where there was none.
type Verdicts = Vec<Option<WriteVerdict>>;
