//! Which dead letters are meant: what a person names, and what the line of a dead letter must say.

use crate::DeadLetterLine;
use event_schema::codec::from_rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a line must say; what is left out does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetterFilter {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Failed last at this time or later, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Failed last before this time, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Part of the message, or of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the request must hold: `/POINTER`, or `/POINTER=VALUE` with JSON or a plain text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// All that the rest takes, on purpose.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

impl DeadLetterFilter {
    /// Why it cannot be meant.
    ///
    /// # Errors
    /// If a time is none.
    pub fn check(&self) -> Result<(), String> {
        for (name, time) in [("since", &self.since), ("until", &self.until)] {
            if let Some(time) = time.as_ref().filter(|time| from_rfc3339(time).is_none()) {
                return Err(format!("`{name}` is a time as of RFC 3339, not `{time}`"));
            }
        }
        if let Some(field) = self.fields.iter().find(|field| !field.starts_with('/')) {
            let why = format!("`field` is a JSON pointer, or `/POINTER=VALUE`, not `{field}`");
            return Err(why);
        }
        Ok(())
    }

    /// Why it is no selection of what is to be moved: that is never about all of them by accident.
    ///
    /// # Errors
    /// If it names nothing, or a time is none.
    pub fn check_selection(&self) -> Result<(), String> {
        let names = !self.requests.is_empty()
            || self.key.is_some()
            || self.fingerprint.is_some()
            || self.all;
        if !names {
            return Err("name `requests`, `key`, `fingerprint` or `all`".to_owned());
        }
        self.check()
    }

    /// `event`: the value that stood in the log.
    pub fn takes(&self, line: &DeadLetterLine, event: &[u8]) -> bool {
        let is = |asked: &Option<String>, found: &str| asked.as_ref().is_none_or(|of| of == found);
        let time = |text: &str| from_rfc3339(text);
        let failed = time(&line.time);
        let since = self.since.as_deref().and_then(time);
        let until = self.until.as_deref().and_then(time);
        (self.requests.is_empty() || self.requests.contains(&line.request_id))
            && is(&self.key, &line.key)
            && is(&self.operation, &line.operation)
            && is(&self.code, &line.code)
            && is(&self.fingerprint, &line.fingerprint)
            && is(&self.store, line.store.as_deref().unwrap_or_default())
            && since.is_none_or(|since| failed >= Some(since))
            && until.is_none_or(|until| failed < Some(until))
            && self
                .text
                .as_ref()
                .is_none_or(|text| line.message.contains(text) || contains_text(event, text))
            && self.holds_fields(event)
    }

    fn holds_fields(&self, event: &[u8]) -> bool {
        if self.fields.is_empty() {
            return true;
        }
        let event: Value = serde_json::from_slice(event).unwrap_or_default();
        self.fields.iter().all(|field| {
            let (pointer, wanted) = match field.split_once('=') {
                Some((pointer, wanted)) => (pointer, Some(wanted)),
                None => (field.as_str(), None),
            };
            let found = event["request"].pointer(pointer);
            found.is_some_and(|found| wanted.is_none_or(|wanted| is_value(found, wanted)))
        })
    }
}

/// JSON, or a text without quotes.
fn is_value(found: &Value, wanted: &str) -> bool {
    found.as_str() == Some(wanted)
        || serde_json::from_str::<Value>(wanted).is_ok_and(|wanted| wanted == *found)
}

fn contains_text(event: &[u8], text: &str) -> bool {
    std::str::from_utf8(event).is_ok_and(|event| event.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> DeadLetterLine {
        DeadLetterLine {
            request_id: "r1".into(),
            key: "user/1".into(),
            operation: "user.create".into(),
            code: "mapper_parsing_exception".into(),
            fingerprint: "abc".into(),
            store: Some("elasticsearch".into()),
            message: "failed to parse field [age]".into(),
            time: "2026-01-02T03:04:05.000Z".into(),
            attempts: 1,
            waiting: 2,
            overtaken: false,
        }
    }

    #[test]
    fn each_member_narrows_it() {
        let filter =
            |json: serde_json::Value| -> DeadLetterFilter { serde_json::from_value(json).unwrap() };
        use serde_json::json;
        let event = br#"{"request": {"id": "a", "by": "two", "n": 3}}"#;
        assert!(filter(json!({})).takes(&line(), event));
        for (taken, other) in [
            (json!({"requests": ["r1"]}), json!({"requests": ["r2"]})),
            (json!({"key": "user/1"}), json!({"key": "user/2"})),
            (
                json!({"operation": "user.create"}),
                json!({"operation": "x"}),
            ),
            (
                json!({"code": "mapper_parsing_exception"}),
                json!({"code": "x"}),
            ),
            (json!({"fingerprint": "abc"}), json!({"fingerprint": "abd"})),
            (
                json!({"store": "elasticsearch"}),
                json!({"store": "cassandra"}),
            ),
            (json!({"text": "[age]"}), json!({"text": "[name]"})),
            (json!({"text": "two"}), json!({"text": "three"})),
            (json!({"fields": ["/by"]}), json!({"fields": ["/bye"]})),
            (
                json!({"fields": ["/by=two", "/n=3"]}),
                json!({"fields": ["/by=two", "/n=4"]}),
            ),
            (
                json!({"fields": ["/by=\"two\""]}),
                json!({"fields": ["/n=\"3\""]}),
            ),
            (
                json!({"since": "2026-01-02T03:04:05Z"}),
                json!({"since": "2026-01-02T03:04:06Z"}),
            ),
            (
                json!({"until": "2026-01-02T03:04:06Z"}),
                json!({"until": "2026-01-02T03:04:05Z"}),
            ),
        ] {
            assert!(filter(taken.clone()).takes(&line(), event), "{taken}");
            assert!(!filter(other.clone()).takes(&line(), event), "{other}");
        }
        assert!(filter(json!({"since": "yesterday"})).check().is_err());
        assert!(filter(json!({"fields": ["by=two"]})).check().is_err());
    }

    #[test]
    fn a_selection_names_what_it_is_about() {
        let of = |json| serde_json::from_value::<DeadLetterFilter>(json);
        let is_one = |json| of(json).unwrap().check_selection().is_ok();
        use serde_json::json;
        assert!(!is_one(json!({})));
        assert!(!is_one(json!({"operation": "x"})));
        assert!(is_one(json!({"all": true, "operation": "x"})));
        assert!(is_one(json!({"key": "user/1"})));
        assert!(
            of(json!({"all": true, "operaton": "x"})).is_err(),
            "a slip takes everything"
        );
    }
}
