use super::super::{Context, query};
use serde_json::{Value, json};
use store::mapping::Mapping;

/// Reads the text in both languages, over a text and a number.
fn read(text: &str) -> [Result<query::Query, store::StoreError>; 2] {
    let mappings = json!({"properties": {"t": {"type": "text"}, "n": {"type": "long"}}});
    let mapping = Mapping::read(Some(&mappings), None).expect("a mapping");
    let context = Context {
        mapping: &mapping,
        nested: None,
        now: 0,
    };
    let ask = |clause: &str| {
        let body: Value = json!({clause: {"query": text, "fields": ["t", "n"], "lenient": true}});
        query::read_query(&context, &body, "/query")
    };
    [ask("query_string"), ask("simple_query_string")]
}

/// Pieces that mean something, put together at random.
#[test]
fn no_text_is_too_odd() {
    const PIECES: &[&str] = &[
        "a",
        "t:",
        "n:",
        "5",
        " ",
        " AND ",
        " OR ",
        "NOT ",
        "&&",
        "||",
        "!",
        "+",
        "-",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        " TO ",
        "\"",
        "~",
        "~2",
        "~9",
        "^",
        "^2",
        "^x",
        "*",
        "?",
        "\\",
        "/",
        ":",
        ">",
        "<=",
        "é",
        "\u{3000}",
        "_exists_:",
        "*:*",
        "|",
        "\\u0041",
        "'",
        ".",
        "\n",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..1 + (state >> 33) % 12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
        }
        let [_, simple] = read(&text);
        assert!(
            simple.is_ok(),
            "{text:?} is malformed in the simple language"
        );
    }
}

#[test]
fn groups_have_a_depth() {
    let deep = format!("{}a{}", "(".repeat(2_000), ")".repeat(2_000));
    assert!(read(&deep).iter().all(Result::is_err));
    let flat = "(a) ".repeat(500);
    assert!(read(&flat).iter().all(Result::is_ok));
}
