//! What a hook may answer. Whether a change may be is judged elsewhere; here it is only read.

use crate::error::{Code, Problem};
use bytes::Bytes;
use catalog::Hook;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The statuses that a refusal may have; the first is the usual one.
const STATUSES: [u16; 5] = [422, 400, 403, 404, 409];
/// What a client is told at most, in letters.
const LONGEST_SENTENCE: usize = 1_000;
const LONGEST_RULE: usize = 100;

/// What an endpoint says of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HookAnswer {
    /// It may go on as it is.
    Accept,
    /// It may go on as this, which is JSON.
    Change(Bytes),
    Refuse(HookRefusal),
}

/// Why it may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HookRefusal {
    status: u16,
    rule: Option<String>,
    at: Option<String>,
    say: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DecisionName {
    Accept,
    Change,
    Refuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerText<'a> {
    decision: DecisionName,
    #[serde(borrow, default)]
    request: Option<&'a RawValue>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    say: Option<String>,
}

impl HookAnswer {
    pub(super) fn read(body: &Bytes) -> Result<Self, String> {
        let text: AnswerText<'_> =
            serde_json::from_slice(body).map_err(|error| format!("its answer: {error}"))?;
        match (text.decision, text.request) {
            (DecisionName::Accept, None) => Ok(Self::Accept),
            (DecisionName::Change, Some(request)) => {
                Ok(Self::Change(body.slice_ref(request.get().as_bytes())))
            }
            (DecisionName::Change, None) => Err("its answer: a change has a `request`".to_owned()),
            (DecisionName::Refuse, None) => HookRefusal::read(text).map(Self::Refuse),
            (DecisionName::Accept | DecisionName::Refuse, Some(_)) => {
                Err("its answer: only a change has a `request`".to_owned())
            }
        }
    }

    /// As metrics and events call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accepted",
            Self::Change(_) => "changed",
            Self::Refuse(_) => "refused",
        }
    }
}

impl HookRefusal {
    fn read(text: AnswerText<'_>) -> Result<Self, String> {
        let status = text.status.unwrap_or(STATUSES[0]);
        if !STATUSES.contains(&status) {
            return Err(format!(
                "its answer: a refusal's status is one of {STATUSES:?}"
            ));
        }
        let is_rule = |rule: &String| {
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (1..=LONGEST_RULE).contains(&rule.len()) && rule.bytes().all(letters)
        };
        if !text.rule.iter().all(is_rule) {
            return Err(
                "its answer: a rule is a name of letters, digits, `.`, `_`, `-`".to_owned(),
            );
        }
        let is_pointer = |at: &String| at.is_empty() || at.starts_with('/');
        if !text.at.iter().all(is_pointer) {
            return Err("its answer: `at` is a JSON pointer into the request".to_owned());
        }
        let shortened = |say: String| say.chars().take(LONGEST_SENTENCE).collect();
        Ok(Self {
            status,
            rule: text.rule,
            at: text.at,
            say: text.say.map(shortened),
        })
    }

    /// As the client is told.
    pub(crate) fn to_problem(&self, hook: &Hook) -> Problem {
        let usual = || format!("the hook `{}` refuses the request", hook.name());
        let detail = self.say.clone().unwrap_or_else(usual);
        let mut problem = Problem::new(Code::HookRefused, detail).with("hook", hook.name().into());
        if let Ok(status) = StatusCode::from_u16(self.status) {
            problem = problem.answered_with(status);
        }
        if let Some(rule) = &self.rule {
            problem = problem.with("rule", rule.clone().into());
        }
        match &self.at {
            Some(at) => problem.at(at.clone()),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HookAnswer, String> {
        HookAnswer::read(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn each_answer_is_read_and_nothing_beside_them() {
        assert_eq!(read(r#"{"decision":"accept"}"#), Ok(HookAnswer::Accept));
        let changed = read(r#"{"decision":"change","request":{"a": 1.50}}"#).unwrap();
        assert_eq!(
            changed,
            HookAnswer::Change(Bytes::from_static(b"{\"a\": 1.50}"))
        );
        let refused =
            read(r#"{"decision":"refuse","status":409,"rule":"out","at":"/a","say":"no"}"#);
        let refusal = HookRefusal {
            status: 409,
            rule: Some("out".to_owned()),
            at: Some("/a".to_owned()),
            say: Some("no".to_owned()),
        };
        assert_eq!(refused, Ok(HookAnswer::Refuse(refusal)));
        for wrong in [
            "",
            "{}",
            "[]",
            r#"{"decision":"maybe"}"#,
            r#"{"decision":"accept","request":{}}"#,
            r#"{"decision":"refuse","request":{}}"#,
            r#"{"decision":"change"}"#,
            r#"{"decision":"accept","requst":{}}"#,
            r#"{"decision":"refuse","status":200}"#,
            r#"{"decision":"refuse","status":503}"#,
            r#"{"decision":"refuse","rule":"out of stock"}"#,
            r#"{"decision":"refuse","at":"a"}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_client_is_told_no_more_than_a_thousand_letters() {
        let long = "é".repeat(5_000);
        let Ok(HookAnswer::Refuse(refusal)) =
            read(&format!(r#"{{"decision":"refuse","say":"{long}"}}"#))
        else {
            panic!("it refuses");
        };
        assert_eq!(refusal.say.unwrap().chars().count(), LONGEST_SENTENCE);
    }
}
