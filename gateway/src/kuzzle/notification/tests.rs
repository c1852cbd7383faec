use super::*;
use event_schema::membership::PresenceFilter;
use event_schema::{envelope::Origin, id::RequestId, signing::Keyring, to_raw};
use serde_json::{Value, json};
use subscriptions::{
    ChannelOptions,
    delivery::{EncodingCaches, Encodings},
    options::StateFilter,
};

fn notice() -> Notice {
    Notice {
        event: Event::Write,
        action: "update".into(),
        state: State::Done,
        index: "geo".into(),
        collection: "cities".into(),
        id: Some("a\"b".into()),
        version: Some(3),
        source: Some(to_raw(&json!({"a": 7, "_kuzzle_info": {"author": "-1"}}))),
        updated_fields: Some(vec!["a".into(), "_kuzzle_info.updatedAt".into()]),
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [7; 16]),
        origin: Some(Origin {
            request: "c1".into(),
            protocol: "websocket".into(),
            controller: "document".into(),
            action: "update".into(),
            silent: false,
        }),
        volatile: Some(to_raw(&json!({"why": "test"}))),
        timestamp: 1_795_302_193_686,
        write: Some(event_schema::position::Position {
            generation: 1,
            partition: 0,
            offset: event_schema::offset::TransactionsOffset::new(4),
        }),
        traceparent: None,
    }
}

/// As the client reads it.
fn read(content: DeliveryContent<'_>, options: ChannelOptions) -> Value {
    let delivery = Delivery {
        content,
        room: "room",
        options,
        encodings: EncodingCaches {
            event: &Encodings::default(),
            channel: &Encodings::default(),
        },
    };
    serde_json::from_slice(delivery_frame(&delivery).payload()).unwrap()
}

fn change<'a>(
    notice: &'a Notice,
    token: Option<&'a str>,
    cursor: Option<&'a str>,
) -> DeliveryContent<'a> {
    DeliveryContent::Change(Change {
        notice,
        state: State::Done,
        scope: Scope::In,
        token,
        cursor,
    })
}

#[test]
fn a_change_as_clients_read_it() {
    let notice = notice();
    let told = read(
        change(&notice, Some("t1.x"), Some("c1.y")),
        ChannelOptions::default(),
    );
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
    let told = read(change(&message, None, None), ChannelOptions::default());
    assert_eq!(
        (told["controller"].as_str(), told["requestId"].as_str()),
        (Some("realtime"), Some(nameless(message.request).as_str()))
    );
    assert!(!told.to_string().contains(&message.request.to_string()));
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
    let all = ChannelOptions {
        users: PresenceFilter::All,
        ..ChannelOptions::default()
    };
    let mut presence = Presence {
        instance: "i".into(),
        room: "room".into(),
        index: "geo".into(),
        collection: "cities".into(),
        user: PresenceChange::In,
        count: 2,
        volatile: Some(to_raw(&json!({"name": "Ann"}))),
        explicit: false,
        rooms: 100,
        timestamp: 5,
    };
    let told = read(DeliveryContent::Presence(&presence), all);
    let wanted = json!({
        "type": "user", "status": 200, "user": "in", "action": "subscribe", "controller": "realtime", "index": "geo", "collection": "cities",
        "timestamp": 5, "volatile": {"name": "Ann"}, "protocol": "websocket", "room": "room-111", "result": {"count": 2},
    });
    assert_eq!(told, wanted);
    presence.user = PresenceChange::Out;
    let told = read(DeliveryContent::Presence(&presence), all);
    assert_eq!(
        (&told["user"], &told["action"], &told["protocol"]),
        (&json!("out"), &json!("unsubscribe"), &Value::Null)
    );
}

/// What sockets on a channel share is made once, and nothing of another channel is in it.
#[test]
fn channels_share_what_they_have_in_common_and_nothing_else() {
    let (notice, event) = (notice(), Encodings::default());
    let on = |channel: &Encodings, options, cursor| {
        let delivery = Delivery {
            content: change(&notice, None, Some(cursor)),
            room: "room",
            options,
            encodings: EncodingCaches {
                event: &event,
                channel,
            },
        };
        delivery_frame(&delivery)
    };
    let (one, other) = (Encodings::default(), Encodings::default());
    let done = ChannelOptions::default();
    let first = on(&one, done, "a");
    let again = on(&one, done, "not made anew");
    assert_eq!(first.payload().as_ptr(), again.payload().as_ptr());
    let all = ChannelOptions {
        state: StateFilter::All,
        ..done
    };
    let second = on(&other, all, "b");
    let read = |frame: &TextFrame| serde_json::from_slice::<Value>(frame.payload()).unwrap();
    let shown = |value: &Value| (value["room"].clone(), value["cursor"].clone());
    assert_eq!(shown(&read(&first)), (json!("room-311"), json!("a")));
    assert_eq!(shown(&read(&second)), (json!("room-311a"), json!("b")));
}
