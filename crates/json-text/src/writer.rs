//! Objects made of texts that are sound already, without a further look at them.

use crate::{
    scanned::{JsonText, ScannedJson, ScannedMember},
    span::MemberSpan,
};
use serde_json::Value;

/// Writes an object member by member. A name must come once.
#[derive(Debug)]
pub struct JsonObjectWriter {
    text: String,
    members: Vec<MemberSpan>,
}

impl JsonObjectWriter {
    /// `capacity`: bytes that the text will have, about.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity);
        text.push('{');
        Self {
            text,
            members: Vec::with_capacity(8),
        }
    }

    /// A member of which no more is known than that it is sound.
    pub fn push(&mut self, name: &str, value: JsonText<'_>) {
        self.write(name, value.get(), false);
    }

    /// A member that its reader need not look into: it is plain, or has besides only names that the
    /// reader is known to take.
    pub fn push_plain(&mut self, name: &str, value: JsonText<'_>) {
        self.write(name, value.get(), true);
    }

    /// A member of another object, with what is known of it.
    pub fn push_member(&mut self, member: &ScannedMember<'_>) {
        self.write(&member.name, member.text.get(), member.is_plain);
    }

    pub fn push_value(&mut self, name: &str, value: &Value) {
        self.write(name, &value.to_string(), false);
    }

    fn write(&mut self, name: &str, value: &str, is_plain: bool) {
        if !self.members.is_empty() {
            self.text.push(',');
        }
        let quoted = Value::from(name).to_string();
        let at = self.text.len();
        self.text.push_str(&quoted);
        self.text.push(':');
        let start = self.text.len();
        self.text.push_str(value);
        self.members.push(MemberSpan {
            name: at + 1..at + quoted.len() - 1,
            is_escaped: quoted.len() != name.len() + 2,
            value: start..self.text.len(),
            is_plain,
        });
    }

    #[must_use]
    pub fn finish(mut self) -> ScannedJson {
        self.text.push('}');
        ScannedJson::written(self.text, self.members)
    }
}
