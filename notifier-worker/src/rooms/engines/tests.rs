use super::*;
use event_schema::to_raw;
use serde_json::json;

fn matching(engines: &Engines, collection: &str, document: &Value) -> Vec<String> {
    engines
        .matching("i", collection, document, &mut Scratch::default())
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_room_hears_until_it_is_closed() {
    let mut engines = Engines::default();
    engines
        .open("b", "i", "c", &to_raw(&json!({"equals": {"a": 1}})))
        .unwrap();
    engines.open("a", "i", "c", &to_raw(&json!({}))).unwrap();
    engines.open("d", "i", "d", &to_raw(&json!({}))).unwrap();
    assert_eq!(matching(&engines, "c", &json!({"a": 1})), ["a", "b"]);
    assert_eq!(matching(&engines, "c", &json!({"a": 2})), ["a"]);
    engines.close("b", "i", "c");
    engines.close("b", "i", "c");
    assert_eq!(matching(&engines, "c", &json!({"a": 1})), ["a"]);
    engines.close("a", "i", "c");
    assert!(!engines.listened("i", "c") && engines.listened("i", "d"));
    engines.close("d", "i", "d");
    assert!(engines.indices.is_empty());
}

#[test]
fn a_filter_that_cannot_be_read_is_a_room_that_hears_nothing() {
    let mut engines = Engines::default();
    assert!(
        engines
            .open("r", "i", "c", &to_raw(&json!({"nonsense": 1})))
            .is_err()
    );
    assert!(!engines.listened("i", "c"));
    engines.close("r", "i", "c");
}
