//! JSON Patch (RFC 6902): a list of steps, done whole or not at all. Pure.

use sealing::mask::MASK;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The steps, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonPatch(Vec<PatchStep>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum PatchStep {
    Add { path: String, value: Value },
    Remove { path: String },
    Replace { path: String, value: Value },
    Move { from: String, path: String },
    Copy { from: String, path: String },
    Test { path: String, value: Value },
}

/// Which step cannot be done, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step} of the patch: {why}")]
pub struct PatchError {
    step: usize,
    why: String,
}

impl JsonPatch {
    /// A patch that puts another value in the place of the whole.
    pub fn whole(value: Value) -> Self {
        Self(vec![PatchStep::Replace {
            path: String::new(),
            value,
        }])
    }

    /// # Errors
    /// If a step cannot be done; then nothing of the patch is.
    pub fn apply(&self, to: &Value) -> Result<Value, PatchError> {
        let mut patched = to.clone();
        for (step, change) in self.0.iter().enumerate() {
            let done = change.apply(&mut patched);
            done.map_err(|why| PatchError { step, why })?;
        }
        Ok(patched)
    }
}

impl JsonPatch {
    /// Without its values, for whoever looks at what was done.
    pub fn masked(&self) -> Self {
        let masked = |step: &PatchStep| {
            let mut step = step.clone();
            if let PatchStep::Add { value, .. }
            | PatchStep::Replace { value, .. }
            | PatchStep::Test { value, .. } = &mut step
            {
                *value = Value::from(MASK);
            }
            step
        };
        Self(self.0.iter().map(masked).collect())
    }
}

impl PatchStep {
    fn apply(&self, to: &mut Value) -> Result<(), String> {
        match self {
            Self::Add { path, value } => add_value(to, path, value.clone()),
            Self::Remove { path } => remove_value(to, path).map(drop),
            Self::Replace { path, value } => {
                *find_target(to, path)? = value.clone();
                Ok(())
            }
            Self::Move { from, path } => {
                if path.starts_with(&format!("{from}/")) {
                    return Err(format!("`{from}` cannot be moved into itself"));
                }
                let moved = remove_value(to, from)?;
                add_value(to, path, moved)
            }
            Self::Copy { from, path } => {
                let copied = find_target(to, from)?.clone();
                add_value(to, path, copied)
            }
            Self::Test { path, value } => {
                let found = find_target(to, path)?;
                if found == value {
                    Ok(())
                } else {
                    Err(format!("`{path}` is not {value}"))
                }
            }
        }
    }
}

fn find_target<'a>(within: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    let found = within.pointer_mut(path);
    found.ok_or_else(|| format!("there is nothing at `{path}`"))
}

/// The parent's path, and the name of the child, unescaped.
fn split_pointer(path: &str) -> Result<(&str, String), String> {
    let (parent, name) = path
        .rsplit_once('/')
        .ok_or_else(|| format!("`{path}` is no JSON pointer to a member"))?;
    Ok((parent, name.replace("~1", "/").replace("~0", "~")))
}

/// A place in a list: at most its length, which is behind the last.
fn list_index(name: &str, length: usize) -> Result<usize, String> {
    let is_number = name == "0" || !name.starts_with('0') && !name.starts_with('+');
    let index = name.parse::<usize>().ok().filter(|_| is_number);
    index
        .filter(|index| *index <= length)
        .ok_or_else(|| format!("a list of {length} has no place `{name}`"))
}

fn add_value(to: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *to = value;
        return Ok(());
    }
    let (parent, name) = split_pointer(path)?;
    match find_target(to, parent)? {
        Value::Object(members) => {
            members.insert(name, value);
        }
        Value::Array(list) if name == "-" => list.push(value),
        Value::Array(list) => list.insert(list_index(&name, list.len())?, value),
        _ => return Err(format!("`{parent}` is neither an object nor a list")),
    }
    Ok(())
}

fn remove_value(from: &mut Value, path: &str) -> Result<Value, String> {
    find_target(from, path)?;
    let (parent, name) = split_pointer(path)?;
    match find_target(from, parent)? {
        Value::Object(members) => members.remove(&name),
        Value::Array(list) => Some(list.remove(list_index(&name, list.len().saturating_sub(1))?)),
        _ => None,
    }
    .ok_or_else(|| format!("there is nothing at `{path}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(patch: Value, to: Value) -> Result<Value, PatchError> {
        let patch: JsonPatch = serde_json::from_value(patch).unwrap();
        patch.apply(&to)
    }

    /// After the examples of RFC 6902, appendix A.
    #[test]
    fn the_steps_do_what_the_rfc_says() {
        for (patch, to, expected) in [
            (
                json!([{"op": "add", "path": "/baz", "value": "qux"}]),
                json!({"foo": "bar"}),
                json!({"foo": "bar", "baz": "qux"}),
            ),
            (
                json!([{"op": "add", "path": "/foo/1", "value": "qux"}]),
                json!({"foo": ["bar", "baz"]}),
                json!({"foo": ["bar", "qux", "baz"]}),
            ),
            (
                json!([{"op": "add", "path": "/foo/-", "value": ["abc"]}]),
                json!({"foo": ["bar"]}),
                json!({"foo": ["bar", ["abc"]]}),
            ),
            (
                json!([{"op": "remove", "path": "/foo/1"}]),
                json!({"foo": ["bar", "qux", "baz"]}),
                json!({"foo": ["bar", "baz"]}),
            ),
            (
                json!([{"op": "replace", "path": "/baz", "value": "boo"}]),
                json!({"baz": "qux", "foo": "bar"}),
                json!({"baz": "boo", "foo": "bar"}),
            ),
            (
                json!([{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]),
                json!({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}}),
                json!({"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
            ),
            (
                json!([{"op": "move", "from": "/foo/1", "path": "/foo/3"}]),
                json!({"foo": ["all", "grass", "cows", "eat"]}),
                json!({"foo": ["all", "cows", "eat", "grass"]}),
            ),
            (
                json!([{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/~01", "value": 10}]),
                json!({"a": 1, "~1": 10}),
                json!({"a": 1, "b": 1, "~1": 10}),
            ),
        ] {
            assert_eq!(patched(patch.clone(), to), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_told_with_its_step() {
        for patch in [
            json!([{"op": "test", "path": "/a", "value": 2}]),
            json!([{"op": "remove", "path": "/c"}]),
            json!([{"op": "replace", "path": "/c", "value": 1}]),
            json!([{"op": "add", "path": "/c/d", "value": 1}]),
            json!([{"op": "add", "path": "/l/3", "value": 1}]),
            json!([{"op": "add", "path": "/l/01", "value": 1}]),
            json!([{"op": "move", "from": "/o", "path": "/o/x"}]),
            json!([{"op": "remove", "path": ""}]),
        ] {
            let to = json!({"a": 1, "l": [1, 2], "o": {"p": 1}});
            assert!(patched(patch.clone(), to).is_err(), "{patch}");
        }
        assert!(serde_json::from_value::<JsonPatch>(json!([{"op": "burn", "path": ""}])).is_err());
    }
}
