//! What all looks at a request came to: one final verdict that stays, one place in the log that
//! stays, and no status that goes back.

use super::{Finding, FindingKind, Verdicts};
use crate::history::{LogPlace, RunHistory, SeenStatus, StatusLook};
use std::collections::HashMap;

/// What became of a write.
#[derive(Debug, Clone)]
pub(super) struct WriteVerdict {
    pub(super) status: SeenStatus,
    pub(super) place: LogPlace,
    pub(super) revision: Option<u64>,
    /// It was seen waiting for an operator, or behind what did.
    pub(super) was_held: bool,
}

pub(super) fn judge_statuses(history: &RunHistory, findings: &mut Vec<Finding>) -> Verdicts {
    let mut looks: Vec<Vec<&StatusLook>> = vec![Vec::new(); history.writes.len()];
    for look in &history.looks {
        looks[look.write].push(look);
    }
    let all = looks.into_iter().enumerate();
    all.map(|(number, looks)| write_verdict(history, number, &looks, findings))
        .collect()
}

fn write_verdict(
    history: &RunHistory,
    number: usize,
    looks: &[&StatusLook],
    findings: &mut Vec<Finding>,
) -> Option<WriteVerdict> {
    let key = history.writes[number].key.as_str();
    let mut add = |kind, detail: String| {
        findings.push(Finding::new(kind, key, [number], detail));
    };
    if let Some((first, then)) = went_back(looks) {
        let detail = format!(
            "{:?} at {} ms, {:?} asked for at {} ms",
            first.status, first.at, then.status, then.asked
        );
        add(FindingKind::StatusWentBack, detail);
    }
    let place = looks.iter().find_map(|look| look.place);
    let moved = looks
        .iter()
        .find(|look| look.place.is_some() && look.place != place);
    if let Some(moved) = moved {
        let detail = format!("its place was {place:?}, and then {:?}", moved.place);
        add(FindingKind::StatusWentBack, detail);
    }
    let last = looks.iter().max_by_key(|look| look.at);
    let Some(end) = looks.iter().find(|look| look.status.is_final()) else {
        match last.map(|look| &look.status) {
            None | Some(SeenStatus::Unknown) => {
                add(
                    FindingKind::Lost,
                    "acknowledged, and no gateway knows it".to_owned(),
                );
            }
            Some(status) => add(FindingKind::Unresolved, format!("{status:?} at the end")),
        }
        return None;
    };
    let Some(place) = place else {
        add(
            FindingKind::Lost,
            format!("{:?} without a place in the log", end.status),
        );
        return None;
    };
    Some(WriteVerdict {
        status: end.status.clone(),
        place,
        revision: looks.iter().find_map(|look| look.revision),
        was_held: looks.iter().any(|look| look.status.is_held()),
    })
}

/// Two looks, the second asked for after the first was answered, of which the second knows less.
fn went_back<'a>(looks: &[&'a StatusLook]) -> Option<(&'a StatusLook, &'a StatusLook)> {
    let mut by_answer = looks.to_vec();
    by_answer.sort_by_key(|look| look.at);
    let mut by_question = looks.to_vec();
    by_question.sort_by_key(|look| look.asked);
    // The furthest of all that were answered before the one at hand was asked for.
    let (mut answered, mut furthest): (usize, Option<&StatusLook>) = (0, None);
    for look in by_question {
        while let Some(next) = by_answer.get(answered).filter(|next| next.at < look.asked) {
            if furthest.is_none_or(|so_far| status_rank(&next.status) > status_rank(&so_far.status))
            {
                furthest = Some(next);
            }
            answered += 1;
        }
        if let Some(before) = furthest {
            let changed = before.status.is_final() && before.status != look.status;
            if changed || status_rank(&look.status) < status_rank(&before.status) {
                return Some((before, look));
            }
        }
    }
    None
}

/// How much is known. A mended dead letter may die again, and what waits behind it waits on.
fn status_rank(status: &SeenStatus) -> u8 {
    match status {
        SeenStatus::Unknown => 0,
        SeenStatus::Queued => 1,
        SeenStatus::Parked | SeenStatus::DeadLettered => 2,
        SeenStatus::Applying => 3,
        SeenStatus::Applied | SeenStatus::Refused(_) => 4,
    }
}

/// No two requests stand at one place.
pub(super) fn shared_places(
    history: &RunHistory,
    verdicts: &Verdicts,
    findings: &mut Vec<Finding>,
) {
    let mut taken: HashMap<LogPlace, usize> = HashMap::new();
    for (number, verdict) in verdicts.iter().enumerate() {
        let Some(place) = verdict.as_ref().map(|verdict| verdict.place) else {
            continue;
        };
        if let Some(other) = taken.insert(place, number) {
            let (key, detail) = (
                &history.writes[number].key,
                format!("two stand at {place:?}"),
            );
            findings.push(Finding::new(
                FindingKind::Lost,
                key,
                [other, number],
                detail,
            ));
        }
    }
}
