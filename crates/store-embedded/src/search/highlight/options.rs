//! How highlights are cut and marked: options that all fields share, and a field's own.

use crate::search::{bad, unsupported};
use serde_json::{Map, Value};
use store::{StoreError, cell::join_pointer};

#[derive(Clone, Debug)]
pub struct HighlightOptions {
    pub before: String,
    pub after: String,
    /// How long a fragment may be, in UTF-16 units; 0: as long as a sentence.
    pub size: usize,
    /// How many fragments there may be; 0: whole texts.
    pub count: usize,
    pub by_score: bool,
}

impl Default for HighlightOptions {
    fn default() -> Self {
        Self {
            before: "<em>".to_owned(),
            after: "</em>".to_owned(),
            size: 100,
            count: 5,
            by_score: false,
        }
    }
}

impl HighlightOptions {
    /// These, but for what `members` say. `others` are read elsewhere.
    pub fn with(
        &self,
        members: &Map<String, Value>,
        others: &[&str],
        at: &str,
    ) -> Result<Self, StoreError> {
        let mut options = self.clone();
        for (name, value) in members {
            let here = join_pointer(at, name);
            let is_plain = match name.as_str() {
                "pre_tags" => {
                    options.before = read_tag(value, &here)?;
                    true
                }
                "post_tags" => {
                    options.after = read_tag(value, &here)?;
                    true
                }
                "fragment_size" => {
                    options.size = read_number(value, &here)?;
                    true
                }
                "number_of_fragments" => {
                    options.count = read_number(value, &here)?;
                    true
                }
                "order" => {
                    options.by_score = value == "score";
                    value == "score" || value == "none"
                }
                "type" => value == "unified",
                "boundary_scanner" => value == "sentence",
                "require_field_match" => value == &Value::Bool(true),
                "no_match_size" => value == 0,
                other => others.contains(&other),
            };
            if !is_plain {
                return Err(unsupported(format!("highlight.{name}"), &here));
            }
        }
        match (members.get("pre_tags"), members.get("post_tags")) {
            (Some(_), None) => Err(bad("`pre_tags` stand without `post_tags`", at)),
            _ => Ok(options),
        }
    }
}

fn read_tag(value: &Value, at: &str) -> Result<String, StoreError> {
    let first = value.as_array().and_then(|tags| tags.first());
    let first = first.and_then(Value::as_str);
    first
        .map(str::to_owned)
        .ok_or_else(|| bad("expected an array of strings", at))
}

fn read_number(value: &Value, at: &str) -> Result<usize, StoreError> {
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| *number <= 1_000_000)
        .ok_or_else(|| unsupported(format!("highlight with {value}"), at))
}
