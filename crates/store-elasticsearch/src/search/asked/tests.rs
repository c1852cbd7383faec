//! Searches as they are sent.

use super::{living_query, sort_keys};
use serde_json::json;

#[test]
fn ids_are_sorted_by_our_own_field() {
    for (given, sent) in [
        (json!("_id"), json!("_consign.id")),
        (json!(["n", "_id"]), json!(["n", "_consign.id"])),
        (
            json!([{"_id": "desc"}, {"n": {"order": "asc"}}]),
            json!([{"_consign.id": "desc"}, {"n": {"order": "asc"}}]),
        ),
        (
            json!({"_id": {"order": "desc"}}),
            json!({"_consign.id": {"order": "desc"}}),
        ),
        (
            json!([{"_geo_distance": {"at": "1,1"}}, "_score", 5]),
            json!([{"_geo_distance": {"at": "1,1"}}, "_score", 5]),
        ),
    ] {
        assert_eq!(sort_keys(&given), sent);
    }
}

#[test]
fn markers_are_left_out_of_every_query() {
    let not = json!([{"term": {"_consign.deleted": true}}]);
    assert_eq!(
        living_query(None),
        json!({"bool": {"must": [{"match_all": {}}], "must_not": not}})
    );
    assert_eq!(
        living_query(Some(&json!({"term": {"a": 1}}))),
        json!({"bool": {"must": [{"term": {"a": 1}}], "must_not": not}})
    );
}
