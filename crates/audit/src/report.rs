//! What an audit says, while it runs and when it is done. It is its own checkpoint: an audit goes
//! on from the report of one that was cut short.

use crate::finding::AuditFinding;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedCounts {
    /// Items of the log that were compared with the stores.
    pub documents: u64,
    pub rows: u64,
    pub requests: u64,
    /// Documents of the stores that were looked for in the log.
    pub looked_up: u64,
    /// Documents older than the log's beginning: record and view were compared, the log says nothing.
    pub only_compared: u64,
    /// Items that kept changing, or whose last decision was not resolved in time: not judged.
    pub unsettled: u64,
    /// Events of `transactions` that were looked for in `changes`.
    pub events: u64,
    /// Those that were accepted before the audit began, and were not decided in time.
    pub undecided: u64,
    /// Those of which neither the log nor the ledger can say any more what became of them.
    pub too_old: u64,
}

/// Up to where a partition was folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedPartition {
    pub partition: u16,
    /// The first offset of `changes` that is kept.
    pub begins: u64,
    /// The offset before which all of it was read.
    pub read_to: u64,
    /// Everything up to here was resolved when it was folded; none: nothing is.
    pub through: Option<u64>,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Unix milliseconds.
    pub began: i64,
    /// One in so many items is looked at.
    pub sample: u64,
    pub partitions: Vec<AuditedPartition>,
    pub counts: AuditedCounts,
    pub findings: Vec<AuditFinding>,
    /// Beyond those that are listed.
    pub more_findings: u64,
    /// The hash from which on items are left; none: all were looked at.
    pub next: Option<u64>,
    /// Hashes of the findings, also of those that are not listed.
    #[serde(skip)]
    pub named: HashSet<u64>,
}

/// Findings that a report lists.
const LISTED: usize = 10_000;
/// Findings that are told apart: beyond, one that is found twice is counted twice.
const TOLD_APART: usize = 1_000_000;

/// One finding for each item in each store.
fn name_of(finding: &AuditFinding) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&finding.key, &finding.store).hash(&mut hasher);
    hasher.finish()
}

impl AuditReport {
    pub(crate) fn add(&mut self, findings: Vec<AuditFinding>) {
        // The checkpoint of an audit that was cut short has its findings alone.
        if self.named.is_empty() {
            self.named = self.findings.iter().map(name_of).collect();
        }
        for finding in findings {
            // An audit that is resumed looks for the strangers of its pass once more.
            let name = name_of(&finding);
            if self.named.contains(&name) {
                continue;
            }
            if self.named.len() < TOLD_APART {
                self.named.insert(name);
            }
            if self.findings.len() < LISTED {
                self.findings.push(finding);
            } else {
                self.more_findings += 1;
            }
        }
    }

    /// How many of each kind are listed.
    pub fn by_kind(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.kind.name()).or_default() += 1;
        }
        counts
    }

    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty() || self.more_findings > 0
    }

    /// Of what should have been looked at, what could not be judged: nothing is known of it.
    pub fn unjudged(&self) -> u64 {
        self.counts.unsettled + self.counts.undecided
    }

    /// Was all of it judged, and nothing found?
    pub fn is_clean(&self) -> bool {
        !self.has_findings() && self.unjudged() == 0
    }

    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// How much of the sweep is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.next.map_or(1.0, |next| next as f64 / u64::MAX as f64)
    }
}
