use super::*;

fn stamp(body: &str) -> String {
    stamped_body(&raw(body), &raw(r#"{"i":1}"#))
        .unwrap()
        .get()
        .to_owned()
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[test]
fn the_rest_of_a_body_stays_the_text_it_came_as() {
    let cases = [
        ("{}", r#"{"_kuzzle_info":{"i":1}}"#),
        ("{ }", r#"{ "_kuzzle_info":{"i":1}}"#),
        (
            r#"{"a":1.10, "b" : [ 1 ]}"#,
            r#"{"a":1.10, "b" : [ 1 ],"_kuzzle_info":{"i":1}}"#,
        ),
        (
            r#"{"_kuzzle_info":{"author":"me"},"a":1.10}"#,
            r#"{"a":1.10,"_kuzzle_info":{"i":1}}"#,
        ),
        (r#"{"_kuzzle_info":null}"#, r#"{"_kuzzle_info":{"i":1}}"#),
        (
            r#"{"\u005fkuzzle_info":5,"a":"\u00e9"}"#,
            r#"{"a":"\u00e9","_kuzzle_info":{"i":1}}"#,
        ),
        (
            r#"{"a":{"_kuzzle_info":2}}"#,
            r#"{"a":{"_kuzzle_info":2},"_kuzzle_info":{"i":1}}"#,
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(stamp(body), wanted);
    }
    assert!(stamped_body(&raw("[1]"), &raw("{}")).is_err());
}

#[test]
fn what_changes_touch_is_named_by_its_leaves() {
    let changes = raw(r#"{"a":1,"b":{"c":[1],"d":{"e":null}},"_kuzzle_info":{"x":1},"f":{}}"#);
    assert_eq!(touched_fields(&changes), ["a", "b.c", "b.d.e", "f"]);
}
