//! What was scanned, and what is known of it. Each of the two unsafe calls says why it holds.

use crate::{
    scan::{self, JsonFault},
    span::MemberSpan,
};
use bytes::Bytes;
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, ops::Range, str};

/// The text of one JSON value that is known to be sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonText<'a>(&'a str);

impl<'a> JsonText<'a> {
    #[must_use]
    pub fn get(self) -> &'a str {
        self.0
    }

    /// A copy that serde takes for JSON as it is.
    #[must_use]
    pub fn to_raw(self) -> Box<RawValue> {
        sound_raw(self.0.to_owned())
    }
}

/// A text that serde takes for JSON as it is: one well-formed value without space around it. It was
/// scanned (spans of a scan begin and end with their value), or is the text of a `RawValue`, or was
/// written here of such texts.
#[allow(
    unsafe_code,
    reason = "the safe constructor reads the whole text once more"
)]
pub(crate) fn sound_raw(text: String) -> Box<RawValue> {
    // SAFETY: the crate calls this with such texts only.
    unsafe { RawValue::from_string_unchecked(text) }
}

impl<'a> From<&'a RawValue> for JsonText<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

/// A member of an object that was scanned.
#[derive(Clone, Debug)]
pub struct ScannedMember<'a> {
    pub name: Cow<'a, str>,
    pub text: JsonText<'a>,
    /// Every name inside begins with a letter or digit of ASCII (further down: or `_`) and holds no
    /// dot and no escape, and nothing nests deeper than [`PLAIN_DEPTH`](crate::PLAIN_DEPTH). Of most members this is so;
    /// of the others it is open what their names are.
    pub is_plain: bool,
}

/// A JSON text that keeps the rules of the scan (see [`ScannedJson::scan`]); a clone shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedJson {
    text: Bytes,
    /// Where the value begins and ends, without space around it.
    value: Range<usize>,
    /// Of an object.
    members: Option<Vec<MemberSpan>>,
}

impl ScannedJson {
    /// Scans a text: RFC 8259, UTF-8, no member twice in one object, lists and objects at most
    /// `depth` levels deep, numbers that fit into 64 bits.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn scan(text: Bytes, depth: usize) -> Result<Self, JsonFault> {
        let members = scan::scan_json(&text, depth)?;
        let is_space = |byte: &u8| byte.is_ascii_whitespace();
        let start = text.iter().take_while(|byte| is_space(byte)).count();
        let behind = text.iter().rev().take_while(|byte| is_space(byte)).count();
        Ok(Self {
            value: start..text.len() - behind,
            text,
            members,
        })
    }

    /// Of members that were written here.
    pub(crate) fn written(text: String, members: Vec<MemberSpan>) -> Self {
        Self {
            value: 0..text.len(),
            text: text.into(),
            members: Some(members),
        }
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.text
    }

    #[must_use]
    pub fn text(&self) -> JsonText<'_> {
        JsonText(self.slice(&self.value))
    }

    /// The members in their order, each name once; `None` if it is no object.
    #[must_use]
    pub fn members(&self) -> Option<impl ExactSizeIterator<Item = ScannedMember<'_>>> {
        Some(self.members.as_ref()?.iter().map(|span| self.member(span)))
    }

    /// Is it an object that a member of another could be, and be plain? See
    /// [`ScannedMember::is_plain`].
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let is_plain = |span: &MemberSpan| {
            span.is_plain && scan::is_plain_name(&self.text[span.name.clone()], true)
        };
        let members = self.members.as_deref();
        members.is_some_and(|members| members.iter().all(is_plain))
    }

    fn member(&self, span: &MemberSpan) -> ScannedMember<'_> {
        let name = if span.is_escaped {
            let quoted = self.slice(&(span.name.start - 1..span.name.end + 1));
            let name = serde_json::from_str(quoted);
            Cow::Owned(name.expect("a name that was scanned is a string"))
        } else {
            Cow::Borrowed(self.slice(&span.name))
        };
        ScannedMember {
            name,
            text: JsonText(self.slice(&span.value)),
            is_plain: span.is_plain,
        }
    }

    #[allow(unsafe_code, reason = "the whole text was found to be UTF-8")]
    fn slice(&self, range: &Range<usize>) -> &str {
        // SAFETY: the scan found the text to be UTF-8 (a written one is made of `str`), and ranges
        // begin and end beside ASCII.
        unsafe { str::from_utf8_unchecked(&self.text[range.clone()]) }
    }
}

impl From<&Value> for ScannedJson {
    /// What serde writes is sound, however deep it nests.
    fn from(value: &Value) -> Self {
        let text = Bytes::from(value.to_string());
        Self::scan(text, usize::MAX).expect("a value that was written is sound")
    }
}

#[cfg(test)]
mod tests;
