//! Bodies there and back.

use super::{cut_source, splice_source};
use store::contract::Fixture;

fn stored(id: &str, body: Option<&str>) -> String {
    let mut line = Vec::new();
    splice_source(&Fixture::new().document(id, 7, body), &mut line);
    String::from_utf8(line).expect("UTF-8")
}

#[test]
fn bodies_come_back_byte_for_byte() {
    for body in [
        "{}",
        "{ }",
        r#"{"a":1}"#,
        r#"{ "a" : 1.10 , "b":{"_consign":{"x":"}"}}, "c":"}{\"" }"#,
        "{\t\"a\":[1 ,2 ]\r}",
        r#"{"big":123456789012345678901234567890,"e":1E+100}"#,
        r#"{"":"é😀\u0000"}"#,
    ] {
        let source = stored(r#"id"}{,\"#, Some(body));
        let (stamp, found) = cut_source(&source).expect("JSON");
        assert_eq!(found.expect("a body").get(), body);
        let stamp = stamp.expect("ours");
        assert_eq!((stamp.version.offset().get(), stamp.deleted), (7, false));
        assert_eq!(source.matches('\n').count(), 0);
        serde_json::from_str::<serde_json::Value>(&source).expect("the source is JSON");
    }
}

#[test]
fn line_breaks_become_spaces() {
    let (_, body) = cut_source(&stored("id", Some("{\n  \"a\": \"\\n\"\n}"))).expect("JSON");
    assert_eq!(body.expect("a body").get(), "{   \"a\": \"\\n\" }");
}

#[test]
fn markers_have_no_body() {
    let (stamp, body) = cut_source(&stored("id", None)).expect("JSON");
    assert!(stamp.expect("ours").deleted && body.is_none());
}

#[test]
fn what_other_hands_wrote_can_be_read() {
    let (stamp, body) = cut_source(r#"{"a":1}"#).expect("JSON");
    assert_eq!((stamp, body.expect("a body").get()), (None, r#"{"a":1}"#));
    let (stamp, body) =
        cut_source(r#"{"a":1,"_consign":{"version":5,"request":"r"},"b":2}"#).expect("JSON");
    assert_eq!(
        (stamp.expect("kept").version.0, body.expect("a body").get()),
        (5, r#"{"a":1,"b":2}"#)
    );
    assert!(cut_source("[]").is_err());
}
