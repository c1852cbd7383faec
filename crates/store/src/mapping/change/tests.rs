use super::*;
use crate::contract::declarable;
use serde_json::json;

fn one(field: &Value) -> Value {
    json!({"properties": {"f": field}})
}

fn change(stands: &Value, given: &Value) -> Result<Value, String> {
    let given = one(given);
    let given = given.as_object().expect("an object");
    put_mappings(Some(&one(stands)), given, None).map_err(|error| match error {
        ChangeError::Fixed(bad) => bad.pointer,
        ChangeError::Malformed(bad) => format!("malformed {}", bad.pointer),
    })
}

#[test]
fn fields_change_as_those_of_an_index() {
    for (stands, given) in declarable::changes_taken() {
        let changed = change(&stands, &given);
        assert!(changed.is_ok(), "{stands} to {given}: {changed:?}");
    }
    for (stands, given, at) in declarable::changes_refused() {
        let refused = change(&stands, &given);
        assert_eq!(
            refused,
            Err(format!("/properties/f{at}")),
            "{stands} to {given}"
        );
    }
    for (given, at) in declarable::refused() {
        let new = put_mappings(None, one(&given).as_object().expect("an object"), None);
        let Err(ChangeError::Malformed(bad)) = new else {
            panic!("{given}: {new:?}");
        };
        assert_eq!(bad.pointer, format!("/properties/f{at}"));
    }
}

#[test]
fn what_is_left_out_stays_or_goes_as_in_an_index() {
    let text = json!({"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 3}}});
    assert_eq!(change(&text, &json!({"type": "text"})), Ok(one(&text)));
    let keyword = json!({"type": "keyword", "ignore_above": 5});
    let plain = json!({"type": "keyword"});
    assert_eq!(change(&keyword, &plain), Ok(one(&plain)));
    let object = json!({"dynamic": "strict", "properties": {"n": {"type": "long"}}});
    assert_eq!(
        change(&object, &json!({"properties": {"m": plain}})),
        Ok(one(
            &json!({"dynamic": "strict", "properties": {"n": {"type": "long"}, "m": plain}})
        ))
    );
}

#[test]
fn the_top_keeps_what_is_not_said_anew() {
    let standing = json!({"dynamic": "false", "properties": {"a": {"type": "long"}}});
    let given = json!({"_meta": {"v": 2}, "properties": {"b": {"type": "alias", "path": "a"}}});
    let merged = put_mappings(Some(&standing), given.as_object().expect("an object"), None);
    assert_eq!(
        merged,
        Ok(
            json!({"dynamic": "false", "properties": {"a": {"type": "long"}, "b": {"type": "alias", "path": "a"}}, "_meta": {"v": 2}})
        )
    );
}

#[test]
fn dotted_names_mean_the_field_within() {
    let standing = json!({"properties": {"o": {"properties": {"n": {"type": "long"}}}}});
    let put_one =
        |given: Value| put_mappings(Some(&standing), given.as_object().expect("an object"), None);
    assert_eq!(
        put_one(json!({"properties": {"o.m": {"type": "ip"}}})),
        Ok(
            json!({"properties": {"o": {"properties": {"n": {"type": "long"}, "m": {"type": "ip"}}}}})
        )
    );
    assert!(matches!(
        put_one(json!({"properties": {"o.n": {"type": "ip"}}})),
        Err(ChangeError::Fixed(bad)) if bad.pointer == "/properties/o/properties/n/type"
    ));
}
