//! The laws of the canonical form: it means what the filter means, it is its own canonical form,
//! and every spelling of a filter has the same.

use decisions::Choices;
use matching::{Document, Filter, Normalised, Options, normalise};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::generated::{document, filter};

/// Canonical forms may have more conditions, and more brackets, than what they were made from.
fn generous() -> Options {
    Options {
        max_conditions: 100_000,
        max_nodes: 1_000_000,
        max_depth: 64,
        ..Options::default()
    }
}

fn parse(value: &Value) -> Filter {
    Filter::parse(value, &generous()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn room(form: &Normalised) -> String {
    form.room_id("index", "collection")
}

/// `PROPTEST_CASES` asks for more than the usual number.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(2_000),
        max_shrink_iters: 20_000,
        max_local_rejects: 10_000_000,
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn means_what_the_filter_means(filter in filter(), documents in prop::collection::vec(document(), 1..8)) {
        let filter = parse(&filter);
        let form = filter.normalise();
        let written = parse(&form.to_json());
        let again = parse(&filter.to_json());
        for value in &documents {
            let document = Document::new(value);
            let plain = filter.matches(&document);
            prop_assert_eq!(normalise::normalised_holds(&form, &document), plain, "canonical form {} of {}", form.to_json(), value);
            prop_assert_eq!(written.matches(&document), plain, "written form {} of {}", form.to_json(), value);
            prop_assert_eq!(again.matches(&document), plain, "{} of {}", filter.to_json(), value);
            prop_assert_eq!(matching::explain_filter(&filter, &document).matches, plain);
            prop_assert!(!(plain && filter.never_matches()));
        }
    }

    #[test]
    fn is_its_own_canonical_form(filter in filter()) {
        let form = parse(&filter).normalise();
        let again = parse(&form.to_json()).normalise();
        prop_assert_eq!(&form, &again, "{} then {}", form.to_json(), again.to_json());
        prop_assert_eq!(room(&form), room(&again));
        prop_assert_eq!(room(&form), room(&parse(&parse(&filter).to_json()).normalise()));
    }

    #[test]
    fn is_the_same_for_every_spelling(filter in filter(), choices in prop::collection::vec(any::<u8>(), 64)) {
        let respelled = respell(&filter, &mut Choices::new(choices));
        let (one, other) = (parse(&filter).normalise(), parse(&respelled).normalise());
        prop_assert_eq!(room(&one), room(&other), "{} and {} of {}", one.to_json(), other.to_json(), respelled);
    }
}

/// Random bytes, spent one decision at a time.
mod decisions {
    pub struct Choices {
        bytes: Vec<u8>,
        at: usize,
    }

    impl Choices {
        pub fn new(bytes: Vec<u8>) -> Choices {
            Choices { bytes, at: 0 }
        }

        pub fn below(&mut self, count: usize) -> usize {
            self.at += 1;
            usize::from(self.bytes[self.at % self.bytes.len()].wrapping_add(self.at as u8)) % count
        }
    }
}

/// The same filter in other words.
fn respell(filter: &Value, choices: &mut Choices) -> Value {
    let (keyword, operand) = filter.as_object().unwrap().iter().next().unwrap();
    let several = |operand: &Value, choices: &mut Choices| -> Vec<Value> {
        let mut parts: Vec<Value> = operand
            .as_array()
            .unwrap()
            .iter()
            .map(|part| respell(part, choices))
            .collect();
        let turn = choices.below(parts.len());
        parts.rotate_left(turn);
        if choices.below(2) == 0 {
            parts.reverse();
        }
        if choices.below(4) == 0 {
            parts.push(parts[0].clone());
        }
        parts
    };
    let negated = |parts: Vec<Value>| {
        parts
            .into_iter()
            .map(|part| json!({"not": part}))
            .collect::<Vec<_>>()
    };
    let same = match keyword.as_str() {
        "and" => match (choices.below(3), several(operand, choices)) {
            (0, parts) => json!({"and": parts}),
            (1, parts) => json!({"bool": {"must": parts}}),
            (_, parts) => json!({"not": {"or": negated(parts)}}),
        },
        "or" => match (choices.below(3), several(operand, choices)) {
            (0, parts) => json!({"or": parts}),
            (1, parts) => json!({"bool": {"should": parts}}),
            (_, parts) => json!({"not": {"and": negated(parts)}}),
        },
        "not" => json!({"bool": {"must_not": [respell(operand, choices)]}}),
        "bool" => {
            let mut all = Vec::new();
            for (part, operand) in operand.as_object().unwrap() {
                let parts = several(operand, choices);
                all.push(match part.as_str() {
                    "must" => json!({"and": parts}),
                    "must_not" => json!({"not": {"or": parts}}),
                    "should" => json!({"or": parts}),
                    _ => json!({"or": negated(parts)}),
                });
            }
            json!({"and": all})
        }
        "in" => {
            let (field, values) = operand.as_object().unwrap().iter().next().unwrap();
            let equals: Vec<Value> = values
                .as_array()
                .unwrap()
                .iter()
                .rev()
                .map(|value| json!({"equals": {field: value}}))
                .collect();
            json!({"or": equals})
        }
        "ids" => json!({"in": {"_id": operand["values"]}}),
        "exists" => json!({"not": {"missing": {"field": operand}}}),
        "missing" => json!({"not": {"exists": operand}}),
        "range" => {
            let (field, ends) = operand.as_object().unwrap().iter().next().unwrap();
            let ends: Vec<Value> = ends
                .as_object()
                .unwrap()
                .iter()
                .rev()
                .map(|(name, at)| json!({"range": {field: {name: at}}}))
                .collect();
            json!({"and": ends})
        }
        _ => filter.clone(),
    };
    match choices.below(6) {
        0 => json!({"not": {"not": same}}),
        1 => json!({"and": [same]}),
        2 => json!({"or": [same, {"nothing": 1}]}),
        _ => same,
    }
}
