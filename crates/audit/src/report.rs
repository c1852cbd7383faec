//! What an audit says, while it runs and when it is done. It is its own checkpoint: an audit goes
//! on from the report of one that was cut short.

use crate::finding::AuditFinding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
}

/// Findings that a report lists.
const LISTED: usize = 10_000;

impl AuditReport {
    pub(crate) fn add(&mut self, findings: Vec<AuditFinding>) {
        for finding in findings {
            // An audit that is resumed looks for the strangers of its pass once more.
            let is_same =
                |one: &AuditFinding| (&one.item, &one.store) == (&finding.item, &finding.store);
            if self.findings.iter().any(is_same) {
                continue;
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

    /// Was nothing found?
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.more_findings == 0
    }

    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// How much of the sweep is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        self.next.map_or(1.0, |next| next as f64 / u64::MAX as f64)
    }
}
