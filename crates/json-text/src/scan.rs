//! The strict JSON scan: what RFC 8259 says, and besides no duplicate members, no nesting beyond a
//! limit, no numbers that fit nowhere, no escapes that stand for no character. It says where it
//! stopped, and where the members of an object stand; it must never allocate per value.

mod fault;
mod key;
mod plain;
mod token;

pub use fault::{JsonFault, JsonFaultKind};
pub(crate) use key::is_plain_name;

use crate::span::{MemberSpan, PLAIN_DEPTH};
use fault::ScanEnd;
use key::{ObjectKey, key_name, same_keys};
use std::{borrow::Cow, collections::HashSet};

/// Scans the whole text: where the members stand, if it is an object.
pub(crate) fn scan_json(bytes: &[u8], depth: usize) -> Result<Option<Vec<MemberSpan>>, JsonFault> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let offset = error.valid_up_to();
        return Err(JsonFault {
            kind: JsonFaultKind::Utf8,
            offset,
            pointer: String::new(),
            message: format!("byte {offset} is not UTF-8"),
        });
    }
    let mut scan = Scan {
        bytes,
        at: 0,
        depth,
        open: Vec::new(),
        keys: Vec::new(),
        members: None,
    };
    match scan.document() {
        Ok(()) => Ok(scan.members),
        Err(stop) => Err(scan.fault(stop)),
    }
}

type Step<T = ()> = Result<T, ScanEnd>;

/// An object or array that is not closed yet.
enum OpenContainer<'a> {
    /// Its names are `keys[first..]`; beyond [`MANY`] also in `seen`.
    Object {
        first: usize,
        seen: Option<HashSet<Cow<'a, [u8]>>>,
    },
    Array {
        index: usize,
    },
}

/// From this many members on, names are looked up by hash.
const MANY: usize = 24;

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    open: Vec<OpenContainer<'a>>,
    keys: Vec<ObjectKey>,
    /// Of the object that the whole text is.
    members: Option<Vec<MemberSpan>>,
}

impl<'a> Scan<'a> {
    fn document(&mut self) -> Step {
        self.space();
        match self.peek() {
            None => return Err(self.stop(JsonFaultKind::Empty, "there is no value")),
            Some(b'{') => self.members = Some(Vec::with_capacity(8)),
            Some(_) => {}
        }
        loop {
            // A value starts here; containers leave us inside of them, scalars behind them.
            let opened = self.value()?;
            if opened {
                continue;
            }
            if self.after_value()? {
                break;
            }
        }
        self.space();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.syntax("there is more after the value"))
        }
    }

    /// True if it opened a container that has a first value to come.
    fn value(&mut self) -> Step<bool> {
        match self.peek() {
            Some(b'{') => self.open_object(),
            Some(b'[') => self.open_array(),
            Some(b'"') => self.string().map(|_| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => Err(self.syntax("expected a value")),
        }
    }

    /// Behind a value: on to the next one (false), or the document is whole (true).
    fn after_value(&mut self) -> Step<bool> {
        loop {
            match self.open.len() {
                0 => return Ok(true),
                1 => self.end_member(),
                _ => {}
            }
            self.space();
            let next = self.peek();
            match (self.open.last_mut(), next) {
                (Some(OpenContainer::Array { index }), Some(b',')) => {
                    *index += 1;
                    self.at += 1;
                    self.space();
                    return Ok(false);
                }
                (Some(OpenContainer::Object { .. }), Some(b',')) => {
                    self.at += 1;
                    self.space();
                    self.member()?;
                    return Ok(false);
                }
                (Some(OpenContainer::Array { .. }), Some(b']')) => {
                    self.at += 1;
                    self.open.pop();
                }
                (Some(OpenContainer::Object { first, .. }), Some(b'}')) => {
                    let first = *first;
                    self.at += 1;
                    self.keys.truncate(first);
                    self.open.pop();
                }
                (Some(OpenContainer::Array { .. }), _) => {
                    return Err(self.syntax("expected `,` or `]`"));
                }
                (Some(OpenContainer::Object { .. }), _) => {
                    return Err(self.syntax("expected `,` or `}`"));
                }
                (None, _) => return Ok(true),
            }
        }
    }

    /// The value of a member of the whole ends here.
    fn end_member(&mut self) {
        if let Some(member) = self.members.as_mut().and_then(|members| members.last_mut()) {
            member.value.end = self.at;
        }
    }

    /// What is inside of the member that is open now is not as plain as most are.
    fn spoil_member(&mut self) {
        if let Some(member) = self.members.as_mut().and_then(|members| members.last_mut()) {
            member.is_plain = false;
        }
    }

    fn open_object(&mut self) -> Step<bool> {
        self.deeper()?;
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(false);
        }
        self.open.push(OpenContainer::Object {
            first: self.keys.len(),
            seen: None,
        });
        self.member()?;
        Ok(true)
    }

    fn open_array(&mut self) -> Step<bool> {
        self.deeper()?;
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(false);
        }
        self.open.push(OpenContainer::Array { index: 0 });
        Ok(true)
    }

    fn deeper(&mut self) -> Step {
        if self.open.len() > PLAIN_DEPTH {
            self.spoil_member();
        }
        if self.open.len() < self.depth {
            Ok(())
        } else {
            Err(self.stop(
                JsonFaultKind::TooDeep,
                format!("nested deeper than {} levels", self.depth),
            ))
        }
    }

    /// A member's name and colon.
    fn member(&mut self) -> Step {
        if self.peek() != Some(b'"') {
            return Err(self.syntax("expected a member's name in quotes"));
        }
        let key = self.string()?;
        self.remember(key)?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.syntax("expected `:`"));
        }
        self.at += 1;
        self.space();
        match self.open.len() {
            1 => self.begin_member(key),
            level if !is_plain_name(&self.bytes[key.start..key.end], level == 2) => {
                self.spoil_member()
            }
            _ => {}
        }
        Ok(())
    }

    fn begin_member(&mut self, key: ObjectKey) {
        let at = self.at;
        if let Some(members) = &mut self.members {
            members.push(MemberSpan {
                name: key.start..key.end,
                is_escaped: key.escaped,
                value: at..at,
                is_plain: true,
            });
        }
    }

    fn remember(&mut self, key: ObjectKey) -> Step {
        let Some(OpenContainer::Object { first, seen }) = self.open.last_mut() else {
            return Ok(());
        };
        let siblings = &self.keys[*first..];
        let twice = match seen {
            Some(seen) => !seen.insert(key_name(self.bytes, key)),
            None if siblings.len() < MANY => siblings
                .iter()
                .any(|other| same_keys(self.bytes, *other, key)),
            None => {
                let mut names: HashSet<_> = siblings
                    .iter()
                    .map(|other| key_name(self.bytes, *other))
                    .collect();
                let fresh = names.insert(key_name(self.bytes, key));
                *seen = Some(names);
                !fresh
            }
        };
        // Beyond the bound only the newest name is needed, for the pointer.
        if siblings.len() > MANY {
            self.keys.pop();
        }
        self.keys.push(key);
        if twice {
            let text = String::from_utf8_lossy(&key_name(self.bytes, key)).into_owned();
            Err(ScanEnd {
                kind: JsonFaultKind::DuplicateKey,
                offset: key.start - 1,
                message: format!("the member `{text}` appears twice").into(),
            })
        } else {
            Ok(())
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn syntax(&self, message: &'static str) -> ScanEnd {
        self.stop(JsonFaultKind::Syntax, message)
    }

    fn stop(&self, kind: JsonFaultKind, message: impl Into<Cow<'static, str>>) -> ScanEnd {
        ScanEnd {
            kind,
            offset: self.at,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests;
