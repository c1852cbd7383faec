//! A security event as a line for people.

use crate::{failure::Failure, output::Output};
use serde_json::Value;

/// Prints events as they come: a line for each, JSON or text.
pub(super) fn print_events(output: &Output, events: &[Value]) -> Result<(), Failure> {
    for event in events {
        output.result(event, event_line)?;
    }
    Ok(())
}

/// Time, type, who, whom, and the rest as it is.
fn event_line(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = text(&event["type"]);
    let kind = kind.strip_prefix("consign.security.").unwrap_or(&kind);
    let mut line = format!("{}  {kind}", text(&event["time"]));
    if let Some(subject) = event["subject"].as_str() {
        line += &format!("  {}", one_line(subject));
    }
    for (name, value) in event["data"].as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        line += &format!("  {name}={}", one_line(&value));
    }
    line
}

/// What somebody chose moves no cursor and begins no line.
fn one_line(text: &str) -> String {
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = json!({
            "time": "2026-01-31T08:00:00.000Z", "type": "consign.security.request.denied", "subject": "a\nb",
            "data": {"by": "meera\u{1b}[2J", "count": 3, "after": {"x": [1]}},
        });
        let line = event_line(&event);
        let expected = "2026-01-31T08:00:00.000Z  request.denied  a\\nb  by=meera\\u{1b}[2J  count=3  after={\\\"x\\\":[1]}";
        assert_eq!(line, expected);
    }
}
