//! Members keep the text of their values.

use super::*;

#[test]
fn values_keep_their_text_and_the_last_of_equal_names_counts() {
    let members = Members::parse(r#" {"a": 1.10, "b\n": {"x" : 1e400}, "a": [ 2 ]} "#).unwrap();
    assert_eq!(members.get("a").unwrap().raw.get(), "[ 2 ]");
    assert_eq!(members.get("b\n").unwrap().raw.get(), r#"{"x" : 1e400}"#);
    assert!(members.get("c").is_none());
}

#[test]
fn anything_but_one_object_is_an_error() {
    for text in ["", "[]", "1", "{} {}", "{\"a\"}", "{\"a\":}", "nul"] {
        assert!(Members::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn names_are_written_as_json() {
    let mut out = String::from("{");
    push_name(&mut out, "a\"b");
    out.push('1');
    push_name(&mut out, "c");
    assert_eq!(out, r#"{"a\"b":1,"c":"#);
}
