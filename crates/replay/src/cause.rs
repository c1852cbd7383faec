//! Dead letters grouped by their cause, for a first look at what went wrong. Pure.

use crate::DeadLetterLine;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What letters of one fingerprint have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LetterCause {
    pub fingerprint: String,
    pub operation: String,
    pub code: String,
    pub store: Option<String>,
    /// Of one of them.
    pub message: String,
    pub count: usize,
    /// Entity keys.
    pub keys: usize,
    /// Events that are parked behind them.
    pub waiting: u64,
    /// When one failed, RFC 3339.
    pub first: String,
    pub last: String,
}

/// The causes, the one with most letters first.
pub fn causes<'a>(lines: impl IntoIterator<Item = &'a DeadLetterLine>) -> Vec<LetterCause> {
    let mut groups: BTreeMap<&str, Vec<&DeadLetterLine>> = BTreeMap::new();
    for line in lines {
        groups.entry(&line.fingerprint).or_default().push(line);
    }
    let mut causes: Vec<LetterCause> = groups.into_values().filter_map(|of| cause(&of)).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

fn cause(lines: &[&DeadLetterLine]) -> Option<LetterCause> {
    let one = lines.first()?;
    let times = || lines.iter().map(|line| line.time.as_str());
    let keys: BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    Some(LetterCause {
        fingerprint: one.fingerprint.clone(),
        operation: one.operation.clone(),
        code: one.code.clone(),
        store: one.store.clone(),
        message: one.message.clone(),
        count: lines.len(),
        keys: keys.len(),
        waiting: lines.iter().map(|line| line.waiting).sum(),
        first: times().min().unwrap_or_default().to_owned(),
        last: times().max().unwrap_or_default().to_owned(),
    })
}
