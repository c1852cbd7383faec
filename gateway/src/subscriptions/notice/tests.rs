use super::*;
use event_schema::{envelope::Origin, id::RequestId, raw, signing::Keyring};
use serde_json::{Value, json};

fn notice() -> Notice {
    Notice {
        event: Event::Write,
        action: "update".into(),
        state: State::Done,
        index: "geo".into(),
        collection: "cities".into(),
        id: Some("a\"b".into()),
        version: Some(3),
        source: Some(raw(&json!({"a": 7, "_kuzzle_info": {"author": "-1"}}))),
        updated_fields: Some(vec!["a".into()]),
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [7; 16]),
        origin: Some(Origin {
            request: "c1".into(),
            protocol: "websocket".into(),
            controller: "document".into(),
            action: "update".into(),
            silent: false,
        }),
        volatile: Some(raw(&json!({"why": "test"}))),
        timestamp: 1_795_302_193_686,
        write: Some((0, 4)),
    }
}

fn read(frame: &TextFrame) -> Value {
    serde_json::from_slice(frame.payload()).unwrap()
}

#[test]
fn a_change_as_clients_read_it() {
    let told = read(&Text::of_change(&notice(), State::Done, Some("t1.x")).on(
        "room-311",
        Scope::In,
        Some("c1.y"),
    ));
    let wanted = json!({
        "type": "document", "status": 200, "event": "write", "action": "update", "scope": "in", "controller": "document", "index": "geo",
        "collection": "cities", "requestId": "c1", "timestamp": 1_795_302_193_686_i64, "volatile": {"why": "test"}, "protocol": "websocket",
        "state": "done", "token": "t1.x", "cursor": "c1.y", "room": "room-311",
        "result": {"_id": "a\"b", "_source": {"a": 7, "_kuzzle_info": {"author": "-1"}}, "_version": 3, "_updatedFields": ["a"]},
    });
    assert_eq!(told, wanted);
}

#[test]
fn a_message_that_nobody_named() {
    let message = Notice {
        event: Event::Publish,
        action: "publish".into(),
        id: None,
        version: None,
        updated_fields: None,
        origin: None,
        volatile: None,
        write: None,
        ..notice()
    };
    let told = read(&Text::of_change(&message, State::Done, None).on("room-311", Scope::In, None));
    assert_eq!(
        (told["controller"].as_str(), told["requestId"].as_str()),
        (Some("realtime"), Some(message.request.to_string().as_str()))
    );
    assert_eq!(
        (&told["volatile"], &told["protocol"]),
        (&Value::Null, &json!("http"))
    );
    assert_eq!(
        told["result"],
        json!({"_source": {"a": 7, "_kuzzle_info": {"author": "-1"}}})
    );
    assert!(told.get("token").is_none());
}

#[test]
fn a_user_who_comes_and_one_who_vanishes() {
    let mut presence = Presence {
        instance: "i".into(),
        room: "room".into(),
        index: "geo".into(),
        collection: "cities".into(),
        user: Coming::In,
        count: 2,
        volatile: Some(raw(&json!({"name": "Ann"}))),
        said: false,
        rooms: 100,
        timestamp: 5,
    };
    let told = read(&Text::of_user(&presence).on("room-111", Scope::In, None));
    let wanted = json!({
        "type": "user", "status": 200, "user": "in", "action": "subscribe", "controller": "realtime", "index": "geo", "collection": "cities",
        "timestamp": 5, "volatile": {"name": "Ann"}, "protocol": "websocket", "room": "room-111", "result": {"count": 2},
    });
    assert_eq!(told, wanted);
    presence.user = Coming::Out;
    let told = read(&Text::of_user(&presence).on("room-111", Scope::In, None));
    assert_eq!(
        (&told["user"], &told["action"], &told["protocol"]),
        (&json!("out"), &json!("unsubscribe"), &Value::Null)
    );
}
