//! Why and where a scan stopped, in words.

use super::{OpenContainer, Scan, key::key_name};
use std::borrow::Cow;

/// Why bytes are not JSON that can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFaultKind {
    Empty,
    Syntax,
    Utf8,
    DuplicateKey,
    TooDeep,
    Number,
}

/// Where and why the scan stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    pub kind: JsonFaultKind,
    /// Bytes from the start.
    pub offset: usize,
    /// JSON pointer to the value or member at fault.
    pub pointer: String,
    pub message: String,
}

/// The cheap half of a [`JsonFault`]: turned into one only when a scan fails.
pub(super) struct ScanEnd {
    pub kind: JsonFaultKind,
    pub offset: usize,
    pub message: Cow<'static, str>,
}

impl Scan<'_> {
    pub(super) fn fault(&self, stop: ScanEnd) -> JsonFault {
        let message = match self.bytes.get(stop.offset) {
            None if stop.kind == JsonFaultKind::Syntax => format!(
                "{} at byte {}, where the text ends",
                stop.message, stop.offset
            ),
            _ => format!("{} at byte {}", stop.message, stop.offset),
        };
        JsonFault {
            kind: stop.kind,
            offset: stop.offset,
            pointer: self.pointer(),
            message,
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for (level, open) in self.open.iter().enumerate() {
            pointer.push('/');
            match open {
                OpenContainer::Array { index } => pointer.push_str(&index.to_string()),
                OpenContainer::Object { .. } => {
                    let last = match self.open[level + 1..].iter().find_map(|inner| match inner {
                        OpenContainer::Object { first, .. } => Some(*first),
                        OpenContainer::Array { .. } => None,
                    }) {
                        Some(end) => self.keys[..end].last(),
                        None => self.keys.last(),
                    };
                    let text = last
                        .map(|key| {
                            String::from_utf8_lossy(&key_name(self.bytes, *key)).into_owned()
                        })
                        .unwrap_or_default();
                    pointer.push_str(&text.replace('~', "~0").replace('/', "~1"));
                }
            }
        }
        pointer
    }
}
