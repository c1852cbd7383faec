//! Dead letters grouped by their cause, for a first look at what went wrong. Pure.

use crate::DeadLetterLine;
use event_schema::codec::from_rfc3339;
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
pub fn group_causes<'a>(lines: impl IntoIterator<Item = &'a DeadLetterLine>) -> Vec<LetterCause> {
    let mut groups: BTreeMap<&str, Vec<&DeadLetterLine>> = BTreeMap::new();
    for line in lines {
        groups.entry(&line.fingerprint).or_default().push(line);
    }
    let mut causes: Vec<LetterCause> = groups
        .into_values()
        .filter_map(|of| common_cause(&of))
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

fn common_cause(lines: &[&DeadLetterLine]) -> Option<LetterCause> {
    let one = lines.first()?;
    let keys: BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    // As texts they do not sort: a whole second is written without a fraction.
    let times = || lines.iter().map(|line| line.time.as_str());
    let first = times().min_by_key(|time| from_rfc3339(time))?;
    let last = times().max_by_key(|time| from_rfc3339(time))?;
    Some(LetterCause {
        fingerprint: one.fingerprint.clone(),
        operation: one.operation.clone(),
        code: one.code.clone(),
        store: one.store.clone(),
        message: one.message.clone(),
        count: lines.len(),
        keys: keys.len(),
        waiting: lines.iter().map(|line| line.waiting).sum(),
        first: first.to_owned(),
        last: last.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::group_causes;
    use crate::DeadLetterLine;

    #[test]
    fn the_first_and_the_last_are_told_by_time() {
        let line = |time: &str| DeadLetterLine {
            request_id: String::new(),
            key: String::new(),
            operation: String::new(),
            code: String::new(),
            fingerprint: "f".into(),
            store: None,
            message: String::new(),
            time: time.into(),
            attempts: 1,
            waiting: 0,
            overtaken: false,
        };
        let lines = ["2026-03-01T09:00:36.5Z", "2026-03-01T09:00:36Z"].map(line);
        let causes = group_causes(&lines);
        assert_eq!(causes[0].first, "2026-03-01T09:00:36Z");
        assert_eq!(causes[0].last, "2026-03-01T09:00:36.5Z");
    }
}
