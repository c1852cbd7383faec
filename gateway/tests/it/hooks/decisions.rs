//! What a hook may say, and what becomes of the request.

use super::{
    accept, answer, app, ask, catalog, change, of_cities, of_tallies, peer::Peer, request_of, said,
    tally,
};
use crate::harness::{city, problem, told};
use serde_json::{Value, json};

#[tokio::test]
async fn a_hook_that_accepts_is_told_the_request_and_changes_nothing() {
    let peer = Peer::start(|_| accept().into()).await;
    let app = app(&of_tallies(&peer, "")).await;
    let (status, json) = answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
    assert_eq!((status.as_u16(), &json["status"]), (200, &json!("applied")));
    assert_eq!(tally(&app, "a").await, json!({"n": 1}));

    let asked = peer.asked();
    assert_eq!(asked.len(), 1);
    let events = app.events().await;
    let question = asked[0].json();
    let wanted = json!({
        "hook": "stock.check", "request_id": json["request_id"], "operation": "tally.set", "key": "tally/a",
        "tenant": "default", "principal": "anonymous", "collections": ["shop/tallies"],
        "catalog": events[0].attributes.catalog, "request": {"id": "a", "n": 1},
    });
    assert_eq!(question, wanted);
    assert_eq!(
        said(&events[0]),
        json!([{"hook": "stock.check", "decision": "accepted"}])
    );
}

#[tokio::test]
async fn what_is_refused_is_never_in_the_log_and_says_what_the_hook_says() {
    let peer = Peer::start(|_| {
        let refusal = json!({"decision": "refuse", "status": 409, "rule": "out_of_stock", "at": "/n", "say": "only 3 are left"});
        refusal.into()
    })
    .await;
    let app = app(&of_tallies(&peer, "")).await;
    let request = json!({"id": "a", "n": 4});
    let told = problem(ask(&app, "tally.set", &request), 409, "hook_refused").await;
    assert_eq!(
        (
            &told["hook"],
            &told["rule"],
            &told["pointer"],
            &told["detail"]
        ),
        (
            &json!("stock.check"),
            &json!("out_of_stock"),
            &json!("/n"),
            &json!("only 3 are left")
        )
    );
    peer.answers(|_| json!({"decision": "refuse"}).into());
    let told = problem(ask(&app, "tally.set", &request), 422, "hook_refused").await;
    assert_eq!(told["detail"], "the hook `stock.check` refuses the request");
    assert!(app.events().await.is_empty());
}

#[tokio::test]
async fn what_a_hook_changes_is_what_the_event_carries() {
    let peer = Peer::start(|question| {
        let mut request = question["request"].clone();
        request["note"] = "checked".into();
        change(request).into()
    })
    .await;
    let app = app(&of_tallies(&peer, "")).await;
    answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
    assert_eq!(tally(&app, "a").await, json!({"n": 1, "note": "checked"}));
    let events = app.events().await;
    assert_eq!(
        request_of(&events[0]),
        json!({"id": "a", "n": 1, "note": "checked"})
    );
    assert_eq!(
        said(&events[0]),
        json!([{"hook": "stock.check", "decision": "changed"}])
    );
}

#[tokio::test]
async fn documents_of_a_collection_are_asked_about_whatever_writes_them() {
    let peer = Peer::start(|question| {
        let mut request = question["request"].clone();
        if question["operation"] == "document.delete" {
            return json!({"decision": "refuse", "status": 403}).into();
        }
        request["body"]["population"] = 12.into();
        change(request).into()
    })
    .await;
    let app = app(&of_cities(&peer, "")).await;
    app.cities().await;
    let mut request = city("1", "Paris");
    request["volatile"] = json!({"from": "a test"});
    answer(&app, "document.create", request).await;
    let (_, _, json) = told(app.get("/v1/documents/geo/cities/1")).await;
    assert_eq!(json["_source"], json!({"name": "Paris", "population": 12}));
    let event = &app.events().await[0];
    assert_eq!(
        event.data.volatile.as_ref().unwrap().get(),
        r#"{"from":"a test"}"#
    );
    assert!(peer.asked()[0].json()["request"].get("volatile").is_none());

    let gone = json!({"index": "geo", "collection": "cities", "_id": "1"});
    problem(ask(&app, "document.delete", &gone), 403, "hook_refused").await;
    // Another collection is nobody's business.
    let elsewhere = app
        .client
        .put(app.url("/v1/collections/geo/towns"))
        .json(&json!({}));
    elsewhere.send().await.unwrap();
    let town = json!({"index": "geo", "collection": "towns", "_id": "1", "body": {}});
    let (status, _) = answer(&app, "document.create", town).await;
    assert_eq!((status.as_u16(), peer.asked().len()), (200, 2));
}

/// A change and what is said of it.
type Wrong = (fn(&mut Value), &'static str);

#[tokio::test]
async fn a_change_may_not_be_about_something_else_or_break_the_rules() {
    let wrongs: [Wrong; 8] = [
        (
            |request| request["_id"] = "2".into(),
            "it is about another entity",
        ),
        (
            |request| request["collection"] = "towns".into(),
            "it is about another entity",
        ),
        (
            |request| request["if_version"] = 3.into(),
            "it asks for another version",
        ),
        (|request| request["volatile"] = 3.into(), ""),
        (|request| request["bod"] = json!({}), "bod"),
        (|request| request["body"] = 3.into(), "3"),
        (|request| request["body"]["_id"] = "x".into(), "_id"),
        (|request| *request = json!([]), "it is no object"),
    ];
    let peer = Peer::start(|_| accept().into()).await;
    let strict = app(&of_cities(&peer, "")).await;
    let open = app(&of_cities(&peer, ", on_failure: pass")).await;
    for app in [&strict, &open] {
        app.cities().await;
        let towns = app
            .client
            .put(app.url("/v1/collections/geo/towns"))
            .json(&json!({}));
        towns.send().await.unwrap();
    }
    for (n, (wrong, says)) in wrongs.into_iter().enumerate() {
        peer.answers(move |question| {
            let mut request = question["request"].clone();
            wrong(&mut request);
            change(request).into()
        });
        let request = city("1", &format!("Paris {n}"));
        if says.is_empty() {
            // What is passed on to subscribers is no part of it, and stays as it was.
            let (status, json) = answer(&strict, "document.createOrReplace", request).await;
            assert_eq!(status, 200, "{json:#}");
            continue;
        }
        let asked = ask(&strict, "document.createOrReplace", &request);
        let told = problem(asked, 502, "hook_answer_invalid").await;
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains(says) && detail.contains("`cities`"),
            "{detail}"
        );

        let (status, json) = answer(&open, "document.createOrReplace", request.clone()).await;
        assert_eq!(status, 200, "{json:#}");
        let passed = open.events().await;
        let passed = passed.iter().find(|event| request_of(event) == request);
        let passed = passed.expect("it is accepted as it was sent");
        assert_eq!(
            said(passed),
            json!([{"hook": "cities", "decision": "passed"}])
        );
    }
    assert_eq!(strict.events().await.len(), 1);
}

#[tokio::test]
async fn hooks_are_asked_in_their_order_and_each_is_told_what_the_one_before_made_of_it() {
    let note = |name: &'static str| {
        move |question: &Value| {
            let mut request = question["request"].clone();
            let before = request["note"].as_str().unwrap_or_default();
            request["note"] = format!("{before}{name}").into();
            change(request).into()
        }
    };
    let (first, second) = (Peer::start(note("1")).await, Peer::start(note("2")).await);
    let hooks = [
        of_tallies(&second, "").replace("stock.check", "a.second"),
        of_tallies(&first, ", order: -1").replace("stock.check", "b.first"),
    ];
    let hooks = hooks.join("\n");
    let order: Vec<_> = catalog(&hooks)
        .hooks()
        .iter()
        .map(|hook| hook.name().to_owned())
        .collect();
    assert_eq!(order, ["b.first", "a.second"]);
    let app = app(&hooks).await;
    answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
    assert_eq!(tally(&app, "a").await, json!({"n": 1, "note": "12"}));
    let changed = |hook: &str| json!({"hook": hook, "decision": "changed"});
    assert_eq!(
        said(&app.events().await[0]),
        json!([changed("b.first"), changed("a.second")])
    );

    // What the first refuses, the second is not asked about.
    first.answers(|_| json!({"decision": "refuse"}).into());
    problem(
        ask(&app, "tally.set", &json!({"id": "b", "n": 1})),
        422,
        "hook_refused",
    )
    .await;
    assert_eq!((first.asked().len(), second.asked().len()), (2, 1));
}
