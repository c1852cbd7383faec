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
