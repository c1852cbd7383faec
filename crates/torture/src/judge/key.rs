//! One key's writes in the order of the log, against the model: order, verdicts, revisions, and what
//! stands at the end.

use super::model::{Expected, KeyModel};
use super::{Finding, FindingKind, Verdicts, is_before, key_documents, statuses::WriteVerdict};
use crate::history::{AcknowledgedWrite, Body, FinalState, RunHistory, SeenDocument, SeenStatus};
use serde_json::Value;

/// A key whose writes all have their verdict.
pub(super) struct KeyHistory<'a> {
    history: &'a RunHistory,
    pub(super) key: &'a str,
    /// Numbers of its writes, in the order of the log.
    numbers: Vec<usize>,
    verdicts: &'a Verdicts,
    /// What it holds behind each of them.
    pub(super) states: Vec<KeyModel>,
    /// Findings that came of walking through the writes.
    walked: Vec<Finding>,
}

impl<'a> KeyHistory<'a> {
    /// Nothing, if one of its writes has no place.
    pub(super) fn new(
        history: &'a RunHistory,
        key: &'a str,
        mut numbers: Vec<usize>,
        verdicts: &'a Verdicts,
    ) -> Option<Self> {
        let place = |number: &usize| verdicts[*number].as_ref().map(|verdict| verdict.place);
        if numbers.iter().any(|number| place(number).is_none()) {
            return None;
        }
        numbers.sort_by_key(place);
        let mut key_history = Self {
            history,
            key,
            numbers,
            verdicts,
            states: Vec::new(),
            walked: Vec::new(),
        };
        key_history.walk_writes();
        Some(key_history)
    }

    pub(super) fn numbers(&self) -> &[usize] {
        &self.numbers
    }

    /// Nobody knows whether one of its writes was taken: what it holds is not known.
    pub(super) fn is_uncertain(&self) -> bool {
        self.history.uncertain.contains(self.key)
    }

    pub(super) fn judge(&self, findings: &mut Vec<Finding>) {
        self.judge_order(findings);
        if self.is_uncertain() {
            return;
        }
        findings.extend(self.walked.iter().cloned());
        self.judge_revisions(findings);
        if self.history.ends_early {
            return;
        }
        match self.history.finals.iter().find(|end| end.key == self.key) {
            Some(end) => self.judge_end(end, findings),
            None => findings.push(self.finding(FindingKind::NotRead, &[], "no reader saw it")),
        }
    }

    fn write(&self, number: usize) -> &AcknowledgedWrite {
        &self.history.writes[number]
    }

    fn verdict(&self, number: usize) -> &WriteVerdict {
        self.verdicts[number]
            .as_ref()
            .expect("looked at when it was made")
    }

    fn finding(&self, kind: FindingKind, writes: &[usize], detail: impl Into<String>) -> Finding {
        Finding::new(kind, self.key, writes, detail)
    }

    /// Applies each write to the model. Where a verdict is wrong, nothing is known of what follows
    /// until it is written whole.
    fn walk_writes(&mut self) {
        let mut model = if self.history.begins_later {
            KeyModel::Unknown
        } else {
            KeyModel::Is(None)
        };
        for number in self.numbers.clone() {
            let seen = self.verdict(number).status.clone();
            let (expected, after) = model.after(&self.write(number).action, &seen);
            model = match expected {
                Expected::Status(expected) if expected != seen => {
                    let detail = format!("{expected:?} by the order of the log, {seen:?} seen");
                    let wrong = self.finding(FindingKind::WrongVerdict, &[number], detail);
                    self.walked.push(wrong);
                    KeyModel::Unknown
                }
                _ => after,
            };
            self.states.push(model.clone());
        }
    }

    /// What was acknowledged before another was sent stands before it.
    fn judge_order(&self, findings: &mut Vec<Finding>) {
        let mut later: Option<usize> = None;
        for &number in &self.numbers {
            let write = self.write(number);
            if let Some(before) = later.filter(|before| is_before(write, self.write(*before))) {
                let detail = "acknowledged before the other was sent, it stands behind it";
                findings.push(self.finding(FindingKind::Reordered, &[before, number], detail));
            }
            if later.is_none_or(|before| write.sent > self.write(before).sent) {
                later = Some(number);
            }
        }
    }

    /// Each applied write raises the revision by one.
    fn judge_revisions(&self, findings: &mut Vec<Finding>) {
        let mut before: Option<(usize, u64)> = None;
        let mut steps = 0;
        let mut is_first = !self.history.begins_later;
        for &number in &self.numbers {
            let verdict = self.verdict(number);
            if verdict.status != SeenStatus::Applied {
                continue;
            }
            steps += 1;
            let Some(revision) = verdict.revision else {
                continue;
            };
            let base = match before {
                Some((_, revision)) => Some(revision),
                None => is_first.then_some(0),
            };
            is_first = false;
            if let Some(base) = base.filter(|base| base + steps != revision) {
                let writes: Vec<usize> =
                    before.map(|(n, _)| n).into_iter().chain([number]).collect();
                let held = writes.iter().any(|n| self.verdict(*n).was_held);
                let kind = if revision > base + steps {
                    FindingKind::Doubled
                } else if revision == base {
                    FindingKind::Lost
                } else if held {
                    FindingKind::ParkedOvertaken
                } else {
                    FindingKind::Reordered
                };
                let detail = format!("revision {revision}, {steps} applied behind revision {base}");
                findings.push(self.finding(kind, &writes, detail));
            }
            (before, steps) = (Some((number, revision)), 0);
        }
    }

    fn judge_end(&self, end: &FinalState, findings: &mut Vec<Finding>) {
        let last: Vec<usize> = self.numbers.last().copied().into_iter().collect();
        let bodies = |seen: &[Option<SeenDocument>]| -> Vec<Option<Body>> {
            seen.iter()
                .map(|document| document.as_ref().map(|d| d.body.clone()))
                .collect()
        };
        let record = bodies(&end.record);
        if let Some(detail) = half_written(&record, end.row.as_ref()) {
            findings.push(self.finding(FindingKind::HalfGroup, &last, detail));
        } else {
            self.judge_bodies("record", &record, &last, findings);
        }
        self.judge_bodies("view", &end.view, &last, findings);
        self.judge_last_revision(end, findings);
    }

    fn judge_bodies(
        &self,
        place: &str,
        seen: &[Option<Body>],
        last: &[usize],
        findings: &mut Vec<Finding>,
    ) {
        let Some(KeyModel::Is(expected)) = self.states.last() else {
            return;
        };
        for (document, seen) in key_documents(self.key).iter().zip(seen) {
            let seen = seen.as_ref().map(compared_body);
            if seen.as_ref() == expected.as_ref() {
                continue;
            }
            let (kind, what) = match (expected, &seen) {
                (None, _) => (FindingKind::WrongDocument, "back from the dead"),
                (Some(_), None) => (FindingKind::Lost, "gone"),
                (Some(_), Some(_)) => (FindingKind::WrongDocument, "another"),
            };
            let detail = format!(
                "{document} in the {place} is {what}: {} expected, {} found",
                shown_body(expected.as_ref()),
                shown_body(seen.as_ref())
            );
            findings.push(self.finding(kind, last, detail));
        }
    }

    /// The document that stands has the revision that its last applied write was told.
    fn judge_last_revision(&self, end: &FinalState, findings: &mut Vec<Finding>) {
        let applied = self.numbers.iter().rev();
        let mut applied =
            applied.filter(|number| self.verdict(**number).status == SeenStatus::Applied);
        let Some((&number, told)) = applied
            .next()
            .and_then(|number| Some((number, self.verdict(*number).revision?)))
        else {
            return;
        };
        for document in end.record.iter().flatten() {
            let Some(stands) = document.revision.filter(|stands| *stands != told) else {
                continue;
            };
            let kind = if stands > told {
                FindingKind::Doubled
            } else {
                FindingKind::Lost
            };
            let detail = format!("revision {stands} at the end, the last write was told {told}");
            findings.push(self.finding(kind, &[number], detail));
        }
    }
}

/// A document without what an operator's patch takes away.
pub(super) fn compared_body(body: &Body) -> Body {
    let mut body = body.clone();
    body.remove("addr");
    body
}

/// Whether both documents of a pair and its row are of one write; none of it is whole, too.
fn half_written(record: &[Option<Body>], row: Option<&Body>) -> Option<String> {
    let [left, right] = record else {
        return None;
    };
    let n = |body: Option<&Body>| body.and_then(|body| body.get("n")).and_then(Value::as_i64);
    let all = [n(left.as_ref()), n(right.as_ref()), n(row)];
    let is_whole = all.iter().all(|n| *n == all[0]);
    (!is_whole).then(|| {
        let [left, right, row] =
            all.map(|n| n.map_or_else(|| "nothing".to_owned(), |n| n.to_string()));
        format!("left is of write {left}, right of {right}, the row of {row}")
    })
}

pub(super) fn shown_body(body: Option<&Body>) -> String {
    body.map_or_else(
        || "nothing".to_owned(),
        |body| Value::Object(body.clone()).to_string(),
    )
}
