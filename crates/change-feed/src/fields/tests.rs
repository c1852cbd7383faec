use super::*;
use serde_json::json;

#[test]
fn leaves_that_differ_are_named_and_nothing_else() {
    let of = |before: Value, after: Value| changed_fields(&before, &after);
    assert_eq!(of(json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3})), ["b"]);
    assert_eq!(
        of(
            json!({"a": {"b": 1, "c": 2}}),
            json!({"a": {"b": 2, "c": 2}, "d": {"e": {"f": 1}}})
        ),
        ["a.b", "d.e.f"]
    );
    assert_eq!(
        of(json!({"a": {"b": 1}, "x": [1]}), json!({"x": [1, 2]})),
        ["x", "a.b"]
    );
    assert_eq!(of(json!({"a": {"b": 1}}), json!({"a": 7})), ["a"]);
    assert_eq!(of(json!({"a": {}}), json!({})), ["a"]);
}
