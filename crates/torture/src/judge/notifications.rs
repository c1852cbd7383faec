//! What subscribers heard: each change of their collection that was sent after they were active, at
//! least once, in the order of its document. A piece of it may come again; then all that follows it
//! comes again, so that the last one heard is the last that happened.

use super::{Finding, FindingKind, Verdicts, key_documents};
use crate::history::{RunHistory, SeenStatus, Subscription};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Numbers of each key's writes in the order of the log.
type OrderByKey<'a> = BTreeMap<&'a str, Vec<usize>>;

pub(super) fn judge_notifications(
    history: &RunHistory,
    verdicts: &Verdicts,
    ordered: &OrderByKey<'_>,
    findings: &mut Vec<Finding>,
) {
    let numbers: HashMap<&str, usize> = history
        .writes
        .iter()
        .enumerate()
        .map(|(number, write)| (write.request.as_str(), number))
        .collect();
    for subscription in &history.subscriptions {
        for why in &subscription.turned_away {
            let detail = format!("its cursor was not taken: {why}");
            let finding = FindingKind::NotificationMissed;
            findings.push(Finding::new(finding, &subscription.collection, [], detail));
        }
        let mut heard: HashMap<&str, Vec<usize>> = HashMap::new();
        for change in &subscription.heard {
            if let Some(number) = numbers.get(change.request.as_str()) {
                heard.entry(&change.id).or_default().push(*number);
            }
        }
        never_happened(history, verdicts, &heard, findings);
        for (key, writes) in ordered {
            let Some(id) = id_in(&subscription.collection, key) else {
                continue;
            };
            let applied = writes.iter().copied();
            let applied: Vec<usize> = applied
                .filter(|number| is_applied(verdicts, *number))
                .collect();
            let heard = heard.get(id.as_str()).map_or(&[][..], Vec::as_slice);
            if let Some(finding) = missed_notification(history, subscription, key, &applied, heard)
            {
                findings.push(finding);
            }
        }
    }
}

/// The id of the key's document in that collection.
fn id_in(collection: &str, key: &str) -> Option<String> {
    key_documents(key).iter().find_map(|document| {
        let (of, id) = document.split_once('/')?;
        (of == collection).then(|| id.to_owned())
    })
}

fn is_applied(verdicts: &Verdicts, number: usize) -> bool {
    let verdict = verdicts[number].as_ref();
    verdict.is_some_and(|verdict| verdict.status == SeenStatus::Applied)
}

fn never_happened(
    history: &RunHistory,
    verdicts: &Verdicts,
    heard: &HashMap<&str, Vec<usize>>,
    findings: &mut Vec<Finding>,
) {
    let numbers: HashSet<usize> = heard.values().flatten().copied().collect();
    for number in numbers {
        if let Some(verdict) = &verdicts[number]
            && verdict.status != SeenStatus::Applied
        {
            let detail = format!("told as done, and it was {:?}", verdict.status);
            let key = &history.writes[number].key;
            findings.push(Finding::new(
                FindingKind::NeverHappened,
                key,
                [number],
                detail,
            ));
        }
    }
}

/// What is wrong with what was heard of one document, if anything is.
fn missed_notification(
    history: &RunHistory,
    subscription: &Subscription,
    key: &str,
    applied: &[usize],
    heard: &[usize],
) -> Option<Finding> {
    let missed = |number: usize, detail: String| {
        Some(Finding::new(
            FindingKind::NotificationMissed,
            key,
            [number],
            detail,
        ))
    };
    let is_due = |number: usize| history.writes[number].sent > subscription.active;
    let told: HashSet<usize> = heard.iter().copied().collect();
    let mut due = applied.iter().filter(|number| is_due(**number));
    if let Some(&number) = due.find(|number| !told.contains(number)) {
        return missed(
            number,
            format!("no subscriber of `{}` was told", subscription.collection),
        );
    }
    let place: HashMap<usize, usize> = applied.iter().enumerate().map(|(n, w)| (*w, n)).collect();
    let mut last: Option<usize> = None;
    for number in heard {
        // What was never applied is a finding of its own.
        let Some(&at) = place.get(number) else {
            continue;
        };
        let skipped = last.and_then(|last| applied.get(last + 1..at)?.first().copied());
        if let Some(skipped) = skipped {
            let writes = vec![skipped, *number];
            let detail = format!(
                "`{}` was told of the later one first",
                subscription.collection
            );
            return Some(Finding::new(
                FindingKind::NotificationMissed,
                key,
                writes,
                detail,
            ));
        }
        last = Some(at);
    }
    let end = applied.len().checked_sub(1)?;
    match last {
        Some(last) if last < end && !history.ends_early => {
            let detail = "the last that was told is not the last that happened";
            missed(applied[end], detail.to_owned())
        }
        _ => None,
    }
}
