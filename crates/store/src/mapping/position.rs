//! Where a page begins, by the values of a document. An index reads values of documents and queries
//! by a field's normalizer and width, and those of `search_after` it does not, so that pages repeat:
//! they are read so here, before a view compares them. Hits' own sort values stay what they are.

use super::{Field, Found, Kind, Mapping, coerce};
use serde_json::{Value, json};

impl Mapping {
    /// The values of `search_after` as the fields of the sort hold them.
    pub fn positions(&self, sort: Option<&Value>, after: &[Value]) -> Vec<Value> {
        let names = sort.map(names).unwrap_or_default();
        let named = names.into_iter().map(Some).chain(std::iter::repeat(None));
        after
            .iter()
            .zip(named)
            .map(|(value, name)| {
                let held = name.and_then(|name| held(self.value_field(name)?, value));
                held.unwrap_or_else(|| value.clone())
            })
            .collect()
    }

    fn value_field(&self, path: &str) -> Option<&Field> {
        match self.find(path) {
            Found::Field(Field {
                kind: Kind::Alias(target),
                ..
            }) => match self.find(target) {
                Found::Field(field) | Found::Sub { field, .. } => Some(field),
                _ => None,
            },
            Found::Field(field) | Found::Sub { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// The names of a sort's keys, in their order.
fn names(sort: &Value) -> Vec<&str> {
    match sort {
        Value::String(name) => vec![name],
        Value::Array(keys) => keys.iter().flat_map(names).collect(),
        Value::Object(members) => members.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn held(field: &Field, value: &Value) -> Option<Value> {
    match &field.kind {
        Kind::Keyword { .. } if field.lowercase => {
            let text = coerce::text(value)?;
            Some(coerce::lowercase(&text).into())
        }
        Kind::HalfFloat => {
            let real = coerce::half(coerce::number(value, field.reader())?.real());
            real.is_finite().then(|| json!(real))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::mapping::Mapping;
    use serde_json::json;

    #[test]
    fn values_of_documents_are_read_as_their_fields_hold_them() {
        let mapping = Mapping::read(
            Some(&json!({"properties": {
                "low": {"type": "keyword", "normalizer": "lowercase"},
                "half": {"type": "half_float"},
                "text": {"type": "text", "fields": {"low": {"type": "keyword", "normalizer": "lowercase"}}},
                "other": {"type": "alias", "path": "low"},
                "plain": {"type": "keyword"},
            }})),
            None,
        )
        .expect("a mapping");
        let cases = [
            (
                json!(["low", "_id"]),
                json!(["ÀB", "X"]),
                json!(["àb", "X"]),
            ),
            (json!([{"other": "desc"}]), json!(["AB"]), json!(["ab"])),
            (
                json!([{"text.low": {"order": "asc"}}]),
                json!(["AB"]),
                json!(["ab"]),
            ),
            (json!("plain"), json!(["AB"]), json!(["AB"])),
            (
                json!([{"half": "asc"}]),
                json!([1.857]),
                json!([1.857_421_875]),
            ),
            (json!([{"half": "asc"}]), json!(["x"]), json!(["x"])),
            (
                json!(["half", "low"]),
                json!([null, null]),
                json!([null, null]),
            ),
            (json!(["low"]), json!(["A", "B"]), json!(["a", "B"])),
        ];
        for (sort, after, expected) in cases {
            let after = after.as_array().expect("a list");
            let found = mapping.positions(Some(&sort), after);
            assert_eq!(json!(found), expected, "{sort}");
        }
    }
}
