use super::*;
use serde_json::json;

fn frame(value: &Value) -> Result<Request, Box<Answer>> {
    Request::from_envelope(value.to_string().into(), Transport::WebSocket, 64)
}

#[test]
fn what_the_sdk_adds_is_tolerated() {
    let sent = json!({"controller": "document", "action": "create", "index": "i", "collection": "c", "_id": null, "verb": "POST",
        "body": {"a": 1}, "requestId": "r", "volatile": {"sdkName": "x"}, "refresh": "wait_for", "cookieAuth": false});
    let request = frame(&sent).unwrap();
    assert_eq!(
        (
            request.controller.as_str(),
            request.action.as_str(),
            request.request_id.as_str()
        ),
        ("document", "create", "r")
    );
    assert_eq!(
        (request.id, request.body.unwrap().get()),
        (None, r#"{"a":1}"#)
    );
    assert_eq!(request.volatile.unwrap().get(), r#"{"sdkName":"x"}"#);
    assert_eq!(
        Value::Object(request.args),
        json!({"refresh": "wait_for", "cookieAuth": false})
    );
}

#[test]
fn what_is_no_request_is_answered_with_what_is_known() {
    let cases = [
        (json!({"requestId": 5}), "api.assert.invalid_type"),
        (
            json!({"requestId": "r", "action": "x"}),
            "api.assert.missing_argument",
        ),
        (
            json!({"requestId": "r", "controller": "x", "action": 1}),
            "api.assert.invalid_type",
        ),
        (
            json!({"requestId": "r", "controller": "x", "action": "y", "volatile": 3}),
            "api.assert.invalid_type",
        ),
        (json!([]), "network.websocket.unexpected_error"),
    ];
    for (sent, id) in cases {
        let answer = frame(&sent).unwrap_err();
        let told: Value = serde_json::from_slice(&answer.to_frame()).unwrap();
        assert_eq!(told["error"]["id"], id, "{told}");
        assert_eq!(told["room"], told["requestId"]);
        if sent["requestId"].is_string() {
            assert_eq!(told["requestId"], "r");
        }
    }
    let answer = Request::from_envelope("{".into(), Transport::WebSocket, 64).unwrap_err();
    assert_eq!(answer.status(), 400);
}

#[test]
fn a_query_becomes_arguments() {
    let query =
        QueryString::parse(Some("_id=x&silent&refresh=wait_for&after=a&after=b&verb=")).unwrap();
    let request = Request::from_http(
        ("document", "create"),
        vec![("index", "i".into())],
        &query,
        &HeaderMap::new(),
    );
    assert_eq!(
        (request.id.as_deref(), request.index.as_deref()),
        (Some("x"), Some("i"))
    );
    assert_eq!(
        Value::Object(request.args),
        json!({"silent": "", "refresh": "wait_for", "after": ["a", "b"]})
    );
}

#[test]
fn a_body_is_plain_only_where_every_name_in_it_is() {
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let cases = [
        (r#"{"a":1,"b":[{"_c":{"d":2}}]}"#.to_owned(), true),
        ("{}".to_owned(), true),
        (deep(8), true),
        (deep(40), false),
        (r#"{"_id":1}"#.to_owned(), false),
        (r#"{"_kuzzle_info":{"author":"x"}}"#.to_owned(), false),
        (r#"{"a.b":1}"#.to_owned(), false),
        (r#"{"a":{"b.c":1}}"#.to_owned(), false),
        (r#"{"":1}"#.to_owned(), false),
        (r#"{"\u0061":1}"#.to_owned(), false),
    ];
    for (body, plain) in cases {
        let text = format!(r#"{{"controller":"document","action":"create","body":{body}}}"#);
        let request = Request::from_envelope(text.into(), Transport::WebSocket, 64).unwrap();
        assert_eq!(request.has_plain_body, plain, "in a frame: {body}");
        let json = scanned_json(body.clone().into(), 64).unwrap();
        assert_eq!(json.is_plain(), plain, "by itself: {body}");
    }
    let list = scanned_json("[1]".into(), 64).unwrap();
    assert!(!list.is_plain());
}
