//! Are the chains whole? Record by record, in the order of the log. Pure.

use crate::{
    chain::{CHAIN_HEADER, ChainLink, ChainTag},
    event::EventKind,
    read,
};
use event_log::Record;
use event_schema::signing::Keyring;
use serde::Serialize;
use std::collections::BTreeMap;

/// Problems that are kept; beyond, they are counted.
const MOST_PROBLEMS: usize = 1_000;

/// What was found.
#[derive(Debug, Serialize)]
pub struct ChainReport {
    /// Nothing is missing, moved or forged but what the process itself said that the log gave up.
    pub whole: bool,
    pub records: u64,
    /// Processes that wrote.
    pub processes: usize,
    /// Those whose chain has no end: they run, were killed, or the end was cut off.
    pub without_end: Vec<OpenChain>,
    /// Events that have a place in a chain and are not there, since the log gave them up: the process
    /// that wrote them says so.
    pub lost: u64,
    /// The log no longer has what stood before this offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<u64>,
    pub problem_count: u64,
    /// The first ones.
    pub problems: Vec<ChainProblem>,
}

#[derive(Debug, Serialize)]
pub struct OpenChain {
    pub process: String,
    pub last_sequence: u64,
    pub last_offset: u64,
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ChainProblem {
    pub offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    pub what: String,
}

/// Places of a chain in which nothing stands.
struct ChainHole {
    /// Of the record behind it.
    offset: u64,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct CheckedChain {
    last: Option<LastLink>,
    holes: Vec<ChainHole>,
    /// What the process says that the log gave up.
    given_up: Vec<(u64, u64)>,
}

struct LastLink {
    sequence: u64,
    tag: ChainTag,
    offset: u64,
    is_closed: bool,
}

impl ChainHole {
    /// How many of it the process says are lost, and what of it is missing without a word.
    fn explained_by(&self, given_up: &[(u64, u64)]) -> (u64, Option<(u64, u64)>) {
        let mut runs: Vec<(u64, u64)> = given_up
            .iter()
            .map(|(first, last)| (self.first.max(*first), self.last.min(*last)))
            .filter(|(first, last)| first <= last)
            .collect();
        runs.sort_unstable();
        let (mut next, mut lost, mut missing) = (self.first, 0, None);
        for (first, last) in runs {
            if first > next {
                missing = Some((missing.map_or(next, |(from, _)| from), first - 1));
            }
            if last >= next {
                lost += last - first.max(next) + 1;
                next = last + 1;
            }
        }
        if next <= self.last {
            missing = Some((missing.map_or(next, |(from, _)| from), self.last));
        }
        (lost, missing)
    }
}

/// Reads records one by one.
pub struct ChainCheck {
    keys: Keyring,
    kept_from: u64,
    chains: BTreeMap<String, CheckedChain>,
    records: u64,
    problem_count: u64,
    problems: Vec<ChainProblem>,
}

impl ChainCheck {
    /// `kept_from`: the first offset that the log still has.
    pub fn new(keys: Keyring, kept_from: u64) -> Self {
        Self {
            keys,
            kept_from,
            chains: BTreeMap::new(),
            records: 0,
            problem_count: 0,
            problems: Vec::new(),
        }
    }

    pub fn read_record(&mut self, record: &Record) {
        self.records += 1;
        let value = record.value.as_deref().unwrap_or_default();
        let link = record.headers.iter().find(|(name, _)| name == CHAIN_HEADER);
        let link = link.and_then(|(_, text)| std::str::from_utf8(text).ok());
        let Some(link) = link.and_then(ChainLink::from_header) else {
            return self.found(
                record.offset,
                None,
                "it says of no chain that it belongs to".into(),
            );
        };
        if link.key != self.keys.id() {
            let why = format!(
                "its tag was made by the secret {}, which is not at hand",
                link.key
            );
            return self.found(record.offset, Some(&link.process), why);
        }
        if !link.is_genuine(&self.keys, value) {
            return self.found(
                record.offset,
                Some(&link.process),
                "its tag is not of these bytes: it was changed or forged".into(),
            );
        }
        self.place_link(record.offset, &link);
        let kind = read::kind_of(value);
        let chain = self.chains.entry(link.process).or_default();
        if kind.as_deref() == Some(EventKind::LOG_LOST.name) {
            chain.given_up.extend(read::lost_places(value));
        }
        let last = chain.last.as_ref().map(|last| last.sequence);
        if last.is_none_or(|last| last < link.sequence) {
            chain.last = Some(LastLink {
                sequence: link.sequence,
                tag: link.tag,
                offset: record.offset,
                is_closed: kind.as_deref() == Some(EventKind::LOG_CLOSED.name),
            });
        }
    }

    fn place_link(&mut self, offset: u64, link: &ChainLink) {
        let chain = self.chains.entry(link.process.clone()).or_default();
        let mut hole = |first| {
            let last = link.sequence - 1;
            chain.holes.push(ChainHole {
                offset,
                first,
                last,
            });
        };
        let why = match &chain.last {
            None if link.is_first() || self.kept_from > 0 => return,
            None => return hole(0),
            // What is not known to have arrived is sent again.
            Some(last) if last.sequence == link.sequence && last.tag == link.tag => return,
            Some(last) if last.is_closed => "the chain had ended".to_owned(),
            Some(last) if link.follows(last.sequence, last.tag) => return,
            Some(last) if link.sequence > last.sequence + 1 => return hole(last.sequence + 1),
            Some(last) if link.sequence <= last.sequence => {
                format!("it stands behind the event {} of its chain", last.sequence)
            }
            Some(_) => "another event stood before it".to_owned(),
        };
        self.found(offset, Some(&link.process), why);
    }

    /// Holes that no process explains are problems; how many events the others are.
    fn close_holes(&mut self) -> u64 {
        let mut lost = 0;
        let chains = std::mem::take(&mut self.chains);
        for (process, chain) in &chains {
            for hole in &chain.holes {
                let (explained, missing) = hole.explained_by(&chain.given_up);
                lost += explained;
                if let Some((first, last)) = missing {
                    let why = format!("the events {first} to {last} before it are missing");
                    self.found(hole.offset, Some(process), why);
                }
            }
        }
        self.chains = chains;
        self.problems.sort_by_key(|problem| problem.offset);
        lost
    }

    fn found(&mut self, offset: u64, process: Option<&str>, what: String) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            let process = process.map(str::to_owned);
            self.problems.push(ChainProblem {
                offset,
                process,
                what,
            });
        }
    }

    pub fn into_report(mut self) -> ChainReport {
        let lost = self.close_holes();
        let open = self.chains.iter().filter_map(|(process, chain)| {
            let last = chain.last.as_ref().filter(|last| !last.is_closed)?;
            Some(OpenChain {
                process: process.clone(),
                last_sequence: last.sequence,
                last_offset: last.offset,
            })
        });
        ChainReport {
            whole: self.problem_count == 0,
            records: self.records,
            processes: self.chains.len(),
            without_end: open.collect(),
            lost,
            kept_from: Some(self.kept_from).filter(|&offset| offset > 0),
            problem_count: self.problem_count,
            problems: self.problems,
        }
    }
}

#[cfg(test)]
mod tests;
