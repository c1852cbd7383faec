//! The chain of one process's events: each is tagged over its place, the tag before it and its bytes, by
//! the deployment's secret. Whoever may write to the topic, and does not know the secret, cannot add,
//! change, move or leave out one without its showing. What was cut off at the end of a chain does not show.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use event_schema::signing::Keyring;
use std::fmt;

/// The header that a record's place in its chain stands in.
pub const CHAIN_HEADER: &str = "consign-chain";
const VERSION: &str = "1";
const PURPOSE: &str = "security-log";

/// HMAC-SHA256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainTag([u8; 32]);

impl ChainTag {
    /// Before the first event.
    const NONE: Self = Self([0; 32]);

    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Debug for ChainTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

/// A record's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainLink {
    /// The name of the process: random per start.
    pub process: String,
    /// Of the secret.
    pub key: u8,
    /// From 0.
    pub sequence: u64,
    pub previous: ChainTag,
    pub tag: ChainTag,
}

impl ChainLink {
    pub fn to_header(&self) -> String {
        let Self {
            process,
            key,
            sequence,
            previous,
            tag,
        } = self;
        format!("{VERSION} {process} {key} {sequence} {previous:?} {tag:?}")
    }

    pub fn from_header(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [VERSION, process, key, sequence, previous, tag] = parts[..] else {
            return None;
        };
        Some(Self {
            process: process.to_owned(),
            key: key.parse().ok()?,
            sequence: sequence.parse().ok()?,
            previous: ChainTag::read(previous)?,
            tag: ChainTag::read(tag)?,
        })
    }

    /// Was this made of these bytes by who knows the secret?
    pub fn is_genuine(&self, keys: &Keyring, value: &[u8]) -> bool {
        let sequence = self.sequence.to_le_bytes();
        let parts = [self.process.as_bytes(), &sequence, &self.previous.0, value];
        self.key == keys.id() && keys.verify(PURPOSE, &parts, &self.tag.0)
    }

    pub fn is_first(&self) -> bool {
        self.sequence == 0
    }

    /// Does this come next after that?
    pub fn follows(&self, sequence: u64, tag: ChainTag) -> bool {
        self.sequence == sequence + 1 && self.previous == tag
    }
}

/// The end of the chain that a process writes.
pub(crate) struct ChainEnd {
    pub process: String,
    keys: Keyring,
    next: u64,
    last: ChainTag,
}

impl ChainEnd {
    pub(crate) fn new(process: String, keys: Keyring) -> Self {
        Self {
            process,
            keys,
            next: 0,
            last: ChainTag::NONE,
        }
    }

    /// The sequence number of what is added next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The link of what is added next; it has its place once it is [taken](Self::take).
    pub(crate) fn next_link(&self, value: &[u8]) -> ChainLink {
        let sequence = self.next.to_le_bytes();
        let parts = [self.process.as_bytes(), &sequence, &self.last.0, value];
        ChainLink {
            process: self.process.clone(),
            key: self.keys.id(),
            sequence: self.next,
            previous: self.last,
            tag: ChainTag(self.keys.tag(PURPOSE, &parts)),
        }
    }

    /// The log took it.
    pub(crate) fn take(&mut self, link: &ChainLink) {
        self.next = link.sequence + 1;
        self.last = link.tag;
    }

    #[cfg(test)]
    pub(crate) fn add(&mut self, value: &[u8]) -> ChainLink {
        let link = self.next_link(value);
        self.take(&link);
        link
    }
}
