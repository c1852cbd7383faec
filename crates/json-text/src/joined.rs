//! Values put together of texts that are sound already, without a further look at them. Must never
//! take a text for a part that was not scanned, parsed or written here.

use crate::scanned::{JsonText, sound_raw};
use serde_json::{Value, value::RawValue};

/// The object with one more member behind its own; `None` if it is no object. It must have no member
/// of that name.
#[must_use]
pub fn with_member(object: JsonText<'_>, name: &str, value: JsonText<'_>) -> Option<Box<RawValue>> {
    let members = object.get().strip_prefix('{')?.strip_suffix('}')?;
    let comma = if members.trim_ascii().is_empty() {
        ""
    } else {
        ","
    };
    let (name, value) = (Value::from(name), value.get());
    Some(sound_raw(format!("{{{members}{comma}{name}:{value}}}")))
}

/// A list of these values.
#[must_use]
pub fn list_of<'a>(values: impl IntoIterator<Item = JsonText<'a>>) -> Box<RawValue> {
    let mut text = String::from("[");
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(value.get());
    }
    text.push(']');
    sound_raw(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn joined(object: &str, name: &str, value: &str) -> Option<String> {
        let (object, value) = (raw(object), raw(value));
        let joined = with_member((&*object).into(), name, (&*value).into())?;
        serde_json::from_str::<Value>(joined.get()).unwrap();
        Some(joined.get().to_owned())
    }

    #[test]
    fn a_member_stands_behind_the_others() {
        let expect = [
            (r#"{"a":1}"#, "b", "[2]", r#"{"a":1,"b":[2]}"#),
            ("{}", "b", "2", r#"{"b":2}"#),
            ("{ \n }", "b", "2", "{ \n \"b\":2}"),
            (
                "{\"a\" : {\"}\":\"{\"} }",
                "q\"",
                "null",
                "{\"a\" : {\"}\":\"{\"} ,\"q\\\"\":null}",
            ),
        ];
        for (object, name, value, wanted) in expect {
            assert_eq!(joined(object, name, value).unwrap(), wanted);
        }
        for other in ["[1]", "\"{}\"", "1", "null"] {
            assert_eq!(joined(other, "b", "2"), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_joined_is_sound(texts in proptest::collection::vec("\\PC*", 0..5), name in "\\PC*") {
            let values: Vec<_> = texts.iter().map(|text| raw(&Value::from(text.as_str()).to_string())).collect();
            let list = list_of(values.iter().map(|value| JsonText::from(&**value)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(list.get()).unwrap(), texts);
            let object = with_member(JsonText::from(&*raw("{}")), &name, JsonText::from(&*list)).unwrap();
            let object: serde_json::Map<String, Value> = serde_json::from_str(object.get()).unwrap();
            prop_assert_eq!(object.keys().collect::<Vec<_>>(), [&name]);
        }
    }
}
