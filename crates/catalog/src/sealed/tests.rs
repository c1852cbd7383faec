//! Marks: where sealed values are found, and what cannot be marked.

use super::*;
use crate::Catalog;
use serde_json::json;

#[test]
fn a_path_walks_through_lists() {
    let path = SealedPath::parse("education/address/city").unwrap();
    let mut value = json!({"education": [{"address": {"city": "Kochi"}}, {"address": [{"city": "Aluva"}, {"city": 3}]}, {}]});
    let mut found = Vec::new();
    path.visit(&mut value, &mut |text| {
        found.push(std::mem::replace(text, "-".into()))
    });
    assert_eq!(found, ["Kochi", "Aluva"]);
    assert_eq!(value["education"][0]["address"]["city"], "-");
}

fn loads(change: impl FnOnce(&mut Value)) -> Result<Catalog, String> {
    let mut definitions = json!({
        "tables": [{"name": "t", "owner": "thing", "partition_key": ["id"], "columns": {"id": "text", "mail": "text", "n": "int"}, "sealed": ["mail"]}],
        "collections": [{"index": "a", "collection": "things", "owner": "thing", "sealed": ["mail"],
            "mappings": {"properties": {"mail": {"type": "keyword"}, "n": {"type": "long"}, "o": {"properties": {}}}}}],
        "operations": [{"name": "thing.put", "summary": "Puts.", "sealed": ["mail"], "key": {"of": "thing", "id": "$request/id"},
            "request": {"type": "object", "properties": {"id": {"type": "string"}, "mail": {"type": "string"}}},
            "write": [{"row": {"table": "t", "key": {"id": "$request/id"}}, "put": {"mail": "$request/mail"}}],
            "examples": [{"title": "One", "request": {"id": "1"}}]}],
    });
    change(&mut definitions);
    Catalog::from_definitions(&definitions).map_err(|error| error.to_string())
}

#[test]
fn only_what_can_hold_a_sealed_text_is_marked() {
    let marks = loads(|_| {}).unwrap();
    assert!(marks.sealed().is_column("t", "mail") && !marks.sealed().is_column("t", "n"));
    let cases = [
        ("/tables/0/sealed/0", "n", "is no column of type text"),
        ("/tables/0/sealed/0", "nail", "is no column of type text"),
        ("/collections/0/sealed/0", "n", "something else than a text"),
        ("/collections/0/sealed/0", "o", "something else than a text"),
        ("/operations/0/sealed/0", "nail", "no property `nail`"),
        ("/operations/0/sealed/0", "mail//x", "names with `/`"),
    ];
    for (at, name, expected) in cases {
        let error = loads(|d| *d.pointer_mut(at).unwrap() = name.into()).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
}
