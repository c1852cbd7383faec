//! Bodies that stores take, and those that one of them would not.

use super::*;

fn told(text: &str) -> Option<(String, String)> {
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(text).unwrap();
    check_body((&*raw).into(), "/body")
        .err()
        .map(|violation| (violation.pointer, violation.rule))
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn ordinary_bodies_pass() {
    for text in [
        "{}",
        r#"{"a":{"b":[1,2.5,"x",null,true,{"c":-1}]},"a.b":{},"é":1,"_id2":1}"#,
        r#"{"a":{"_id":1,"_consign":2}}"#,
    ] {
        assert_eq!(told(text), None, "{text}");
    }
}

#[test]
fn names_that_stores_keep_are_refused_at_the_top_only() {
    for name in RESERVED {
        assert_eq!(
            told(&format!(r#"{{"{name}":1}}"#)),
            Some((format!("/body/{name}"), "reserved".into()))
        );
    }
    assert_eq!(
        told(r#"{"\u005fid":1}"#).map(|(_, rule)| rule),
        Some("reserved".into()),
        "also with its letters escaped"
    );
}

#[test]
fn names_without_a_part_are_refused_wherever_they_are() {
    for (name, pointer) in [
        ("", "/body/x/1/"),
        (" ", "/body/x/1/ "),
        (".a", "/body/x/1/.a"),
        ("a.", "/body/x/1/a."),
        ("a..b/", "/body/x/1/a..b~1"),
    ] {
        assert_eq!(
            told(&format!(r#"{{"x":[0,{{"{name}":1}}]}}"#)),
            Some((pointer.into(), "fieldName".into())),
            "{name:?}"
        );
    }
}

#[test]
fn depth_has_a_limit_that_dots_count_for() {
    assert_eq!(told(&nested(r#"{"a":"#, "}", DEPTH)), None);
    assert_eq!(
        told(&nested(r#"{"a":"#, "}", DEPTH + 1)).map(|(_, rule)| rule),
        Some("depth".into())
    );
    assert_eq!(told(&nested(r#"{"a.b":"#, "}", DEPTH / 2)), None);
    assert_eq!(
        told(&nested(r#"{"a.b":"#, "}", DEPTH / 2 + 1)).map(|(_, rule)| rule),
        Some("depth".into())
    );
    for levels in [NESTING - 1, NESTING] {
        let text = format!(r#"{{"a":{}}}"#, nested("[", "]", levels));
        assert_eq!(told(&text).is_some(), levels == NESTING, "{levels}");
    }
    assert_eq!(
        told(&format!(r#"{{"a":{}}}"#, nested("[", "]", 100_000))).map(|(_, rule)| rule),
        Some("depth".into())
    );
}
