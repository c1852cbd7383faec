//! What must be true of every run, whatever was killed meanwhile: each acknowledged write has one
//! verdict that never changed and is the right one, it was applied once, each key's writes stand in
//! the order in which its clients made them, no document is back from the dead, record and view
//! agree, and a read by token shows what it promises.
//!
//! Positions give the order: the log's, hence the only one that counts. The checker must see every
//! fault that its tests plant; it never forgives one because a process was killed.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use crate::{
    history::{Body, Final, History, Look, Read, Status, Write},
    model::Model,
};

/// One thing that must not be.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// No final verdict was ever seen.
    Unresolved {
        request: String,
        last: Option<Status>,
    },
    /// A final verdict was followed by another one, or its position moved.
    VerdictChanged {
        request: String,
        first: String,
        then: String,
    },
    /// A request without a position at the end.
    NoPosition { request: String },
    /// Two requests at one position.
    SharedPosition {
        position: (u64, u64),
        requests: (String, String),
    },
    /// A client's later write stands before its earlier one.
    OutOfOrder {
        key: String,
        earlier: String,
        later: String,
    },
    /// The verdict is not what the order of the log gives.
    WrongVerdict {
        key: String,
        request: String,
        expected: Status,
        seen: Status,
    },
    /// The result told another revision than the number of writes applied: one was lost or applied
    /// twice.
    WrongRevision {
        key: String,
        request: String,
        expected: u64,
        seen: u64,
    },
    /// The document at the end is not what its applied writes make.
    WrongDocument {
        key: String,
        place: &'static str,
        expected: Option<Body>,
        seen: Option<Body>,
    },
    /// A deleted document stands.
    BackFromTheDead { key: String, place: &'static str },
    /// The revision at the end is not the number of writes applied.
    AppliedTimes {
        key: String,
        expected: u64,
        seen: u64,
    },
    /// A read by token showed a state from before its write, or one that never was.
    StaleRead { key: String, after: String },
    /// Nobody read the document at the end.
    NotRead { key: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// All faults of a run; none is what a test wants.
#[must_use]
pub fn check(history: &History) -> Vec<Fault> {
    let mut faults = Vec::new();
    let verdicts = verdicts(history, &mut faults);
    shared_positions(&verdicts, &mut faults);
    let mut keys: BTreeMap<&str, Vec<&Write>> = BTreeMap::new();
    for write in &history.writes {
        keys.entry(&write.key).or_default().push(write);
    }
    for (key, writes) in keys {
        let complete = writes.iter().all(|w| {
            verdicts
                .get(w.request.as_str())
                .is_some_and(|v| v.position.is_some())
        });
        if complete {
            check_key(history, key, writes, &verdicts, &mut faults);
        }
    }
    faults
}

/// What the looks at one request came to.
struct Verdict<'a> {
    status: &'a Status,
    position: Option<(u64, u64)>,
    revision: Option<u64>,
}

/// One final verdict for each acknowledged write, from all looks at it.
fn verdicts<'a>(history: &'a History, faults: &mut Vec<Fault>) -> HashMap<&'a str, Verdict<'a>> {
    let mut looks: HashMap<&str, Vec<&Look>> = HashMap::new();
    for look in &history.looks {
        looks.entry(&look.request).or_default().push(look);
    }
    let mut found = HashMap::new();
    for write in &history.writes {
        let seen = looks.remove(write.request.as_str()).unwrap_or_default();
        let request = write.request.clone();
        let Some(verdict) = seen.iter().find(|l| l.status.is_final()) else {
            faults.push(Fault::Unresolved {
                request,
                last: seen.last().map(|l| l.status.clone()),
            });
            continue;
        };
        let position = seen.iter().find_map(|l| l.position);
        if let Some(other) = seen
            .iter()
            .find(|l| l.at >= verdict.at && l.status != verdict.status)
        {
            let (first, then) = (
                format!("{:?}", verdict.status),
                format!("{:?}", other.status),
            );
            faults.push(Fault::VerdictChanged {
                request: request.clone(),
                first,
                then,
            });
        }
        if let Some(moved) = seen
            .iter()
            .find(|l| l.position.is_some() && l.position != position)
        {
            let (first, then) = (format!("{position:?}"), format!("{:?}", moved.position));
            faults.push(Fault::VerdictChanged {
                request: request.clone(),
                first,
                then,
            });
        }
        if position.is_none() {
            faults.push(Fault::NoPosition { request });
        }
        let revision = seen.iter().find_map(|l| l.revision);
        found.insert(
            write.request.as_str(),
            Verdict {
                status: &verdict.status,
                position,
                revision,
            },
        );
    }
    found
}

fn shared_positions(verdicts: &HashMap<&str, Verdict<'_>>, faults: &mut Vec<Fault>) {
    let mut taken: HashMap<(u64, u64), &str> = HashMap::new();
    for (request, verdict) in verdicts {
        if let Some(position) = verdict.position
            && let Some(other) = taken.insert(position, request)
        {
            faults.push(Fault::SharedPosition {
                position,
                requests: (other.to_owned(), (*request).to_owned()),
            });
        }
    }
}

/// Replays one key's writes in the order of the log and compares everything that was seen of it.
fn check_key(
    history: &History,
    key: &str,
    mut writes: Vec<&Write>,
    verdicts: &HashMap<&str, Verdict<'_>>,
    faults: &mut Vec<Fault>,
) {
    writes.sort_by_key(|w| verdicts[w.request.as_str()].position);
    out_of_order(key, &writes, faults);
    let mut model = Model::default();
    let mut states = Vec::with_capacity(writes.len());
    for write in &writes {
        let (expected, verdict) = (
            model.apply(&write.action),
            &verdicts[write.request.as_str()],
        );
        let (key, request) = (key.to_owned(), write.request.clone());
        if expected != *verdict.status {
            faults.push(Fault::WrongVerdict {
                key,
                request,
                expected,
                seen: verdict.status.clone(),
            });
        } else if let Some(seen) = verdict.revision
            && seen != model.revision
            && expected == Status::Applied
        {
            faults.push(Fault::WrongRevision {
                key,
                request,
                expected: model.revision,
                seen,
            });
        }
        states.push(model.clone());
    }
    for read in history.reads.iter().filter(|r| r.key == key) {
        check_read(read, &writes, &states, faults);
    }
    match history.finals.iter().find(|f| f.key == key) {
        Some(last) => check_final(last, &model, faults),
        None => faults.push(Fault::NotRead {
            key: key.to_owned(),
        }),
    }
}

/// A write that was acknowledged before another was sent must stand before it.
fn out_of_order(key: &str, writes: &[&Write], faults: &mut Vec<Fault>) {
    let mut latest_sent: Option<&Write> = None;
    for write in writes {
        if let Some(before) = latest_sent
            && write.acknowledged < before.sent
        {
            let (earlier, later) = (write.request.clone(), before.request.clone());
            faults.push(Fault::OutOfOrder {
                key: key.to_owned(),
                earlier,
                later,
            });
        }
        if latest_sent.is_none_or(|before| write.sent > before.sent) {
            latest_sent = Some(write);
        }
    }
}

/// The read must show the state right after its write, or after a later one of the key.
fn check_read(read: &Read, writes: &[&Write], states: &[Model], faults: &mut Vec<Fault>) {
    let from = writes
        .iter()
        .position(|w| w.request == read.after)
        .unwrap_or(states.len());
    let body = read.found.as_ref().map(|d| &d.body);
    if !states[from..]
        .iter()
        .any(|state| state.body.as_ref() == body)
    {
        faults.push(Fault::StaleRead {
            key: read.key.clone(),
            after: read.after.clone(),
        });
    }
}

fn check_final(last: &Final, model: &Model, faults: &mut Vec<Fault>) {
    let key = &last.key;
    for (place, seen) in [
        ("record", last.record.as_ref().map(|d| &d.body)),
        ("view", last.view.as_ref()),
    ] {
        if seen == model.body.as_ref() {
            continue;
        }
        faults.push(match &model.body {
            None => Fault::BackFromTheDead {
                key: key.clone(),
                place,
            },
            expected => Fault::WrongDocument {
                key: key.clone(),
                place,
                expected: expected.clone(),
                seen: seen.cloned(),
            },
        });
    }
    if let Some(seen) = last.record.as_ref().and_then(|d| d.revision)
        && seen != model.revision
    {
        faults.push(Fault::AppliedTimes {
            key: key.clone(),
            expected: model.revision,
            seen,
        });
    }
}
