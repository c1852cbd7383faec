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
    /// Nothing is missing, moved or forged.
    pub whole: bool,
    pub records: u64,
    /// Processes that wrote.
    pub processes: usize,
    /// Those whose chain has no end: they run, were killed, or the end was cut off.
    pub without_end: Vec<OpenChain>,
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

struct CheckedChain {
    sequence: u64,
    tag: ChainTag,
    offset: u64,
    is_closed: bool,
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
            return self.found(record.offset, Some(&link), why);
        }
        if !link.is_genuine(&self.keys, value) {
            return self.found(
                record.offset,
                Some(&link),
                "its tag is not of these bytes: it was changed or forged".into(),
            );
        }
        self.place_link(record.offset, &link);
        let is_closed = read::kind_of(value).as_deref() == Some(EventKind::LOG_CLOSED.name);
        let checked = CheckedChain {
            sequence: link.sequence,
            tag: link.tag,
            offset: record.offset,
            is_closed,
        };
        let last = self.chains.get(&link.process).map(|chain| chain.sequence);
        if last.is_none_or(|last| last < link.sequence) {
            self.chains.insert(link.process, checked);
        }
    }

    fn place_link(&mut self, offset: u64, link: &ChainLink) {
        let why = match self.chains.get(&link.process) {
            None if link.is_first() || self.kept_from > 0 => return,
            None => format!("the chain begins with its event {}", link.sequence),
            // What is not known to have arrived is sent again.
            Some(chain) if chain.sequence == link.sequence && chain.tag == link.tag => return,
            Some(chain) if chain.is_closed => "the chain had ended".to_owned(),
            Some(chain) if link.follows(chain.sequence, chain.tag) => return,
            Some(chain) if link.sequence > chain.sequence + 1 => {
                let (from, to) = (chain.sequence + 1, link.sequence - 1);
                format!("the events {from} to {to} before it are missing")
            }
            Some(chain) if link.sequence <= chain.sequence => {
                format!("it stands behind the event {} of its chain", chain.sequence)
            }
            Some(_) => "another event stood before it".to_owned(),
        };
        self.found(offset, Some(link), why);
    }

    fn found(&mut self, offset: u64, link: Option<&ChainLink>, what: String) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            let process = link.map(|link| link.process.clone());
            self.problems.push(ChainProblem {
                offset,
                process,
                what,
            });
        }
    }

    pub fn into_report(self) -> ChainReport {
        let open = self.chains.iter().filter(|(_, chain)| !chain.is_closed);
        let without_end = open.map(|(process, chain)| OpenChain {
            process: process.clone(),
            last_sequence: chain.sequence,
            last_offset: chain.offset,
        });
        ChainReport {
            whole: self.problem_count == 0,
            records: self.records,
            processes: self.chains.len(),
            without_end: without_end.collect(),
            kept_from: Some(self.kept_from).filter(|&offset| offset > 0),
            problem_count: self.problem_count,
            problems: self.problems,
        }
    }
}

#[cfg(test)]
mod tests;
