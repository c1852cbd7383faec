//! Committed offsets: kept in memory, written down now and then and at the end. Hints: a crash may
//! lose the last moments.

use super::topic;
use crate::consumer::Committed;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Group and topic.
type CommitKey = (String, String);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Hint {
    offset: u64,
    metadata: String,
}

#[derive(Default)]
struct CommittedHints {
    hints: HashMap<CommitKey, BTreeMap<u16, Hint>>,
    changed: HashSet<CommitKey>,
}

pub(super) struct Commits {
    folder: PathBuf,
    state: Mutex<CommittedHints>,
    /// Held while files are written, so that an older state never replaces a newer one.
    writing: Mutex<()>,
}

impl Commits {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("groups");
        fs::create_dir_all(&folder)?;
        let mut state = CommittedHints::default();
        for group in fs::read_dir(&folder)? {
            let group = group?.path();
            for file in fs::read_dir(&group)? {
                let file = file?.path();
                let Some(name) = file
                    .file_name()
                    .and_then(|name| name.to_str()?.strip_suffix(".json"))
                else {
                    continue;
                };
                let Some(group) = group
                    .file_name()
                    .and_then(|name| name.to_str())
                    .and_then(decode_name)
                else {
                    continue;
                };
                match fs::read(&file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?)) {
                    Ok(hints) => drop(state.hints.insert((group, name.to_owned()), hints)),
                    Err(error) => {
                        tracing::warn!(file = %file.display(), %error, "committed offsets cannot be read: the group starts as if it had none")
                    }
                }
            }
        }
        Ok(Self {
            folder,
            state: Mutex::new(state),
            writing: Mutex::new(()),
        })
    }

    pub fn get(&self, group: &str, topic: &str, partition: u16) -> Option<Committed> {
        let state = self.state.lock();
        let hint = state
            .hints
            .get(&(group.to_owned(), topic.to_owned()))?
            .get(&partition)?;
        Some(Committed {
            offset: hint.offset,
            metadata: hint.metadata.clone(),
        })
    }

    pub fn set(&self, group: &str, topic: &str, partition: u16, committed: Committed) {
        let key = (group.to_owned(), topic.to_owned());
        let mut state = self.state.lock();
        let hint = Hint {
            offset: committed.offset,
            metadata: committed.metadata,
        };
        state
            .hints
            .entry(key.clone())
            .or_default()
            .insert(partition, hint);
        state.changed.insert(key);
    }

    /// Writes down what changed.
    pub fn flush(&self) {
        let _writing = self.writing.lock();
        let changed = std::mem::take(&mut self.state.lock().changed);
        for key in changed {
            let hints = self
                .state
                .lock()
                .hints
                .get(&key)
                .cloned()
                .unwrap_or_default();
            let folder = self.folder.join(encode_name(&key.0));
            let written = fs::create_dir_all(&folder)
                .and_then(|()| Ok(serde_json::to_vec(&hints)?))
                .and_then(|bytes| topic::replace_file(&folder, &format!("{}.json", key.1), &bytes));
            if let Err(error) = written {
                tracing::warn!(group = key.0, topic = key.1, %error, "committed offsets could not be written down");
                self.state.lock().changed.insert(key);
            }
        }
    }
}

/// A group may have any name, a folder may not.
fn encode_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02x}")),
        }
    }
    encoded
}

fn decode_name(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
