//! Parts of documents, as a real index showed them.

use super::ShownSource;
use serde_json::{Value, json};
use std::sync::Arc;

#[test]
fn parts_are_taken_and_left_out() {
    let document = json!({"a": 1, "ab": 2, "o": {"p": 1, "q": {"r": 2}, "at": 3}, "l": [{"x": 1, "y": 2}, {"y": 3}, 5, {}], "d.e": 1, "n": null, "e": {}, "el": [], "ll": [[{"x": 1}, 7]], "oo": {"x": {}}, "d.f.g": {"h": 1}});
    let but = |names: &[&str]| {
        let mut rest = document.clone();
        let members = rest.as_object_mut().expect("an object");
        members.retain(|name, _| !names.contains(&name.as_str()));
        rest
    };
    let with = |mut rest: Value, name: &str, value: Value| {
        rest[name] = value;
        rest
    };
    for (source, expected) in [
        (json!(["*t"]), json!({})),
        (json!(["*.r"]), json!({})),
        (json!(["**.r"]), json!({"o": {"q": {"r": 2}}})),
        (
            json!(["o.*"]),
            json!({"o": {"p": 1, "q": {"r": 2}, "at": 3}}),
        ),
        (json!("o"), json!({"o": {"p": 1, "q": {"r": 2}, "at": 3}})),
        (json!(["l.x"]), json!({"l": [{"x": 1}]})),
        (json!(["l.*"]), json!({"l": [{"x": 1, "y": 2}, {"y": 3}]})),
        (json!(["ll.x"]), json!({"ll": [[{"x": 1}]]})),
        (json!(["d.e"]), json!({"d.e": 1})),
        (json!(["d"]), json!({"d.e": 1, "d.f.g": {"h": 1}})),
        (
            json!(["e", "n", "el"]),
            json!({"n": null, "e": {}, "el": []}),
        ),
        (json!(["oo.x"]), json!({"oo": {"x": {}}})),
        (json!(""), json!({})),
        (json!({"excludes": ["o"]}), but(&["o"])),
        (json!({"excludes": ["d"]}), but(&["d.e", "d.f.g"])),
        (json!({"excludes": ["oo.x"]}), but(&["oo"])),
        (
            json!({"excludes": ["l.x", "ll.x"]}),
            with(
                with(but(&[]), "l", json!([{"y": 2}, {"y": 3}, 5, {}])),
                "ll",
                json!([[7]]),
            ),
        ),
        (
            json!({"includes": ["*"], "excludes": ["o.q", "l.y"]}),
            with(
                with(but(&[]), "l", json!([{"x": 1}, 5, {}])),
                "o",
                json!({"p": 1, "at": 3}),
            ),
        ),
        (
            json!({"excludes": ["*.p"]}),
            with(
                with(but(&[]), "l", json!([{"x": 1, "y": 2}, {"y": 3}, 5])),
                "o",
                json!({"q": {"r": 2}, "at": 3}),
            ),
        ),
        (json!({"excludes": ["o.*"]}), with(but(&[]), "o", json!({}))),
        (json!({"excludes": ["*"]}), json!({})),
        (
            json!({"includes": ["o*"], "excludes": ["*.p"]}),
            json!({"o": {"q": {"r": 2}, "at": 3}, "oo": {"x": {}}}),
        ),
        (
            json!({"includes": ["*q*"], "excludes": ["a*"]}),
            json!({"o": {"q": {"r": 2}}}),
        ),
        (json!({"includes": ["*q*"], "excludes": ["a"]}), json!({})),
        (json!([]), document.clone()),
    ] {
        let shown = ShownSource::read(Some(&source), "/_source").expect("read");
        let raw = serde_json::value::to_raw_value(&document).expect("JSON");
        let found = shown
            .of(|| Ok(Arc::from(raw)))
            .expect("JSON")
            .expect("shown");
        let found: Value = serde_json::from_str(found.get()).expect("JSON");
        assert_eq!(found, expected, "{source}");
    }
}
