use serde_json::json;

use super::conjunction::IndexedConjunction;
use super::leaf::IndexedLeaf;
use super::{Engine, Scratch};
use crate::{Document, Filter, Options};

#[test]
fn a_leaf_is_one_line_of_the_cache() {
    assert_eq!(size_of::<IndexedLeaf>(), 64);
    assert_eq!(size_of::<Option<IndexedLeaf>>(), 64);
}

#[test]
fn a_conjunction_is_one_line_of_the_cache() {
    assert_eq!(size_of::<Option<IndexedConjunction>>(), 64);
}

#[test]
fn a_filter_that_holds_by_two_fields_is_found_once() {
    let filter = json!({"or": [{"equals": {"a": "x"}}, {"equals": {"b": "y"}}]});
    let either = json!({"in": {"a": ["x", "y"]}});
    let mut engine = Engine::new();
    for (id, filter) in [(1, &filter), (2, &either)] {
        let filter = Filter::parse(filter, &Options::default()).expect("it is valid");
        engine.register(id, &filter.normalise());
    }
    let document = json!({"a": "x", "b": "y"});
    let mut scratch = Scratch::new();
    let mut found = engine
        .matches(&Document::new(&document), &mut scratch)
        .to_vec();
    found.sort_unstable();
    assert_eq!(found, [1, 2]);
}
