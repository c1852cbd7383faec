use super::*;

#[test]
fn a_scroll_id_is_ours_whole_and_in_time() {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let caller = crate::access::identify(&http::HeaderMap::new());
    let collection = Collection {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "a".into(),
        mappings: None,
        settings: None,
        created: 0,
        changing: None,
    };
    let id = Scroll::begin(&collection, SearchRequest::default(), 1_000).sign(&keys, &caller, 5);
    assert!(Scroll::open(&id, &keys, &caller, 1_005).is_some());
    assert!(
        Scroll::open(&id, &keys, &caller, 1_006).is_none(),
        "its time is over"
    );
    assert!(Scroll::open(&id, &Keyring::new(1, *b"another secret!!"), &caller, 5).is_none());
    assert!(Scroll::open(&format!("A{id}"), &keys, &caller, 5).is_none());
    let other = Caller::for_test("default", "another");
    assert!(
        Scroll::open(&id, &keys, &other, 5).is_none(),
        "it is another principal's"
    );
    for nonsense in ["", ".", "a.b", "é.é"] {
        assert!(Scroll::open(nonsense, &keys, &caller, 5).is_none());
    }
}

#[test]
fn durations_and_orders() {
    assert_eq!(
        (
            duration("30s").unwrap(),
            duration("1m").unwrap(),
            duration("250ms").unwrap()
        ),
        (30_000, 60_000, 250)
    );
    for bad in ["", "5", "m", "-1s", "99d", "1y", "9999999999999999999d"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
    assert_eq!(total_order(None), json!([{"_id": "asc"}]));
    assert_eq!(
        total_order(Some(json!({"a": "desc"}))),
        json!([{"a": "desc"}, {"_id": "asc"}])
    );
    assert_eq!(
        total_order(Some(json!(["a", {"_id": "desc"}]))),
        json!(["a", {"_id": "desc"}])
    );
}
