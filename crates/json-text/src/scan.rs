//! The strict JSON scan: what RFC 8259 says, and besides no duplicate members, no nesting beyond a
//! limit, no numbers that fit nowhere, no escapes that stand for no character. It says where it
//! stopped, and where the members of an object stand; it must never allocate per value.

use crate::span::{MemberSpan, PLAIN_DEPTH};
use std::{borrow::Cow, collections::HashSet};

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

/// The cheap half of a [`JsonFault`]: turned into one only when a scan fails.
struct ScanEnd {
    kind: JsonFaultKind,
    offset: usize,
    message: Cow<'static, str>,
}

type Step<T = ()> = Result<T, ScanEnd>;

/// A member's name as it stands between its quotes.
#[derive(Clone, Copy)]
struct ObjectKey {
    start: usize,
    end: usize,
    escaped: bool,
}

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

    fn string(&mut self) -> Step<ObjectKey> {
        self.at += 1;
        let (start, mut escaped) = (self.at, false);
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(ObjectKey {
                        start,
                        end: self.at - 1,
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => {
                    return Err(self.syntax("a control character in a string must be escaped"));
                }
                Some(_) => self.at += 1,
                None => return Err(self.syntax("the string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Step {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.syntax("no such escape in a string")),
        }
    }

    fn unicode_escape(&mut self) -> Step {
        let lone = "the escape is half of a character: a surrogate without its partner";
        match self.hex4(self.at)? {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u")
                    && matches!(self.hex4(self.at + 6)?, 0xdc00..=0xdfff)
                {
                    self.at += 12
                } else {
                    return Err(self.stop(JsonFaultKind::Utf8, lone));
                }
            }
            0xdc00..=0xdfff => return Err(self.stop(JsonFaultKind::Utf8, lone)),
            _ => self.at += 6,
        }
        Ok(())
    }

    /// The four digits behind the `\u` at `at`.
    fn hex4(&self, at: usize) -> Step<u32> {
        let digits = self
            .bytes
            .get(at + 2..at + 6)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or_else(|| self.syntax("`\\u` needs four hexadecimal digits"))?;
        Ok(digits.iter().fold(0, |sum, digit| {
            sum << 4 | (*digit as char).to_digit(16).unwrap_or_default()
        }))
    }

    fn number(&mut self) -> Step {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        let whole = self.digits()?;
        if whole > 1 && self.bytes[first] == b'0' {
            self.at = first + 1;
            return Err(self.syntax("a number may not start with a zero"));
        }
        let mut plain = true;
        if self.peek() == Some(b'.') {
            plain = false;
            self.at += 1;
            self.digits()?;
        }
        let mut exponent = false;
        if let Some(b'e' | b'E') = self.peek() {
            (plain, exponent) = (false, true);
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.bytes[start..self.at];
        let fits = if plain {
            whole <= 18 || whole_number_fits(text)
        } else {
            (!exponent && whole < 300) || double_fits(text)
        };
        if fits {
            Ok(())
        } else {
            let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
            let message = format!("the number {shown} does not fit into 64 bits");
            Err(ScanEnd {
                kind: JsonFaultKind::Number,
                offset: start,
                message: message.into(),
            })
        }
    }

    fn digits(&mut self) -> Step<usize> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.syntax("expected a digit")),
            count => Ok(count),
        }
    }

    fn word(&mut self, word: &[u8]) -> Step<bool> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(false)
        } else {
            Err(self.syntax("expected a value"))
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

    fn fault(&self, stop: ScanEnd) -> JsonFault {
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

/// A name that needs no second look: see [`ScannedMember::is_plain`](crate::ScannedMember).
pub(crate) fn is_plain_name(name: &[u8], is_topmost: bool) -> bool {
    let begins_plainly = match name.first() {
        Some(b'_') => !is_topmost,
        Some(first) => first.is_ascii_alphanumeric(),
        None => false,
    };
    begins_plainly && !name.iter().any(|byte| matches!(byte, b'.' | b'\\'))
}

fn whole_number_fits(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
}

fn double_fits(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .unwrap_or_default()
        .parse::<f64>()
        .is_ok_and(f64::is_finite)
}

fn same_keys(bytes: &[u8], a: ObjectKey, b: ObjectKey) -> bool {
    if a.escaped || b.escaped {
        key_name(bytes, a) == key_name(bytes, b)
    } else {
        bytes[a.start..a.end] == bytes[b.start..b.end]
    }
}

/// A name without its escapes.
fn key_name(bytes: &[u8], key: ObjectKey) -> Cow<'_, [u8]> {
    let inner = &bytes[key.start..key.end];
    if key.escaped {
        let decoded: Result<String, _> = serde_json::from_slice(&bytes[key.start - 1..=key.end]);
        decoded.map_or(Cow::Borrowed(inner), |text| Cow::Owned(text.into_bytes()))
    } else {
        Cow::Borrowed(inner)
    }
}

#[cfg(test)]
mod tests;
