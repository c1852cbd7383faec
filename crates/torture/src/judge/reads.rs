//! Reads by token: each document must be as it was right after the token's write, or after a later
//! write of its key.

use super::{
    Finding, FindingKind,
    key::{KeyHistory, compared_body, shown_body},
    model::KeyModel,
};
use crate::history::{RunHistory, TokenRead};
use std::collections::HashMap;

pub(super) type ReadsByKey<'a> = HashMap<&'a str, Vec<&'a TokenRead>>;

pub(super) fn by_key(history: &RunHistory) -> ReadsByKey<'_> {
    let mut reads = ReadsByKey::new();
    for read in &history.reads {
        let key = history.writes[read.write].key.as_str();
        reads.entry(key).or_default().push(read);
    }
    reads
}

pub(super) fn judge_reads(
    key: &KeyHistory<'_>,
    reads: &ReadsByKey<'_>,
    findings: &mut Vec<Finding>,
) {
    if key.is_uncertain() {
        return;
    }
    for read in reads.get(key.key).into_iter().flatten() {
        let Some(from) = key.numbers().iter().position(|n| *n == read.write) else {
            continue;
        };
        let states = &key.states[from..];
        if states.contains(&KeyModel::Unknown) {
            continue;
        }
        let documents = read.documents.iter();
        let fits: Vec<bool> = documents
            .map(|document| {
                let body = document
                    .as_ref()
                    .map(|document| compared_body(&document.body));
                states.contains(&KeyModel::Is(body))
            })
            .collect();
        if fits.iter().all(|fits| *fits) {
            continue;
        }
        let kind = if fits.iter().any(|fits| *fits) {
            FindingKind::HalfGroup
        } else {
            FindingKind::StaleRead
        };
        let seen = read.documents.iter();
        let seen: Vec<String> = seen
            .map(|document| shown_body(document.as_ref().map(|document| &document.body)))
            .collect();
        let detail = format!("read at {} ms: {}", read.at, seen.join(", "));
        findings.push(Finding::new(kind, key.key, [read.write], detail));
    }
}
