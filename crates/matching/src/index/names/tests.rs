use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::NameTree;
use crate::document::Document;
use crate::field::FieldPath;

/// Few names of every kind, or one of many, which a node keeps in a hash.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "", "é", "name"]).prop_map(str::to_owned),
        1 => (0..40).prop_map(|n| format!("n{n}")),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(name(), 1..4).prop_map(|names| names.join("."))
}

/// Objects whose keys are names or whole paths, some of them large.
fn object(size: usize) -> impl Strategy<Value = Value> {
    let leaf = any::<u8>().prop_map(Value::from);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let key = prop_oneof![3 => name(), 1 => path()];
        prop::collection::vec((key, inner), 0..size)
            .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>()))
    })
}

fn padded(value: Value, more: usize) -> Value {
    let Value::Object(mut object) = value else {
        return value;
    };
    object.extend((0..more).map(|n| (format!("padding{n}"), Value::from(n))));
    Value::Object(object)
}

proptest! {
    #[test]
    fn a_walk_finds_what_each_path_has(
        steps in prop::collection::vec((any::<bool>(), path()), 1..60),
        documents in prop::collection::vec((object(6), prop::sample::select(vec![0, 0, 200])), 1..8),
    ) {
        let (mut names, mut fields) = (NameTree::default(), BTreeMap::new());
        for (number, (add, path)) in (0_u32..).zip(steps) {
            if add && !fields.contains_key(&path) {
                names.insert(&FieldPath::new(&path), number);
                fields.insert(path, number);
            } else if fields.remove(&path).is_some() {
                names.remove(&FieldPath::new(&path));
            }
        }
        for (value, padding) in documents {
            let value = padded(value, padding);
            for document in [Document::new(&value), Document::of_element(&value)] {
                let mut found = BTreeMap::new();
                names.visit(&document, &mut |field, value| {
                    found.insert(field, value);
                });
                let wanted: BTreeMap<u32, &Value> = fields
                    .iter()
                    .filter_map(|(path, field)| Some((*field, document.at(path)?)))
                    .collect();
                prop_assert_eq!(found, wanted);
            }
        }
        fields.keys().for_each(|path| names.remove(&FieldPath::new(path)));
        prop_assert_eq!(names.len(), 0);
    }
}
