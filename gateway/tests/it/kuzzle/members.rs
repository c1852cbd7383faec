//! Nothing that a client says is left out in silence: every action of the table is called with an
//! argument, a member of the body and an id that it does not know.

use super::{call, fault, ok, world};
use serde_json::{Value, json};

const UNEXPECTED: &str = "api.assert.unexpected_argument";

/// Actions whose body is a document, a message, a filter or credentials: any member is one of it.
const WHOLE: &[&str] = &[
    "auth:checkRights",
    "auth:createMyCredentials",
    "auth:searchApiKeys",
    "auth:updateMyCredentials",
    "auth:updateSelf",
    "auth:validateMyCredentials",
    "security:checkRights",
    "security:createCredentials",
    "security:createOrReplaceProfile",
    "security:createOrReplaceRole",
    "security:createProfile",
    "security:createRole",
    "security:replaceUser",
    "security:searchApiKeys",
    "security:searchProfiles",
    "security:searchRoles",
    "security:searchUsers",
    "security:updateCredentials",
    "security:updateProfile",
    "security:updateRole",
    "security:updateUser",
    "security:validateCredentials",
    "collection:updateSpecifications",
    "admin:loadMappings",
    "admin:loadFixtures",
    "document:create",
    "document:createOrReplace",
    "document:replace",
    "document:update",
    "document:validate",
    "document:search",
    "bulk:write",
    "realtime:subscribe",
    "realtime:publish",
    "realtime:validate",
    "auth:login",
    "collection:validateSpecifications",
];

#[tokio::test]
async fn every_action_refuses_what_it_does_not_know() {
    let app = world().await;
    let api = ok(&app, "GET", "/_publicApi", None).await;
    let mut walked = 0;
    for (controller, actions) in api.as_object().unwrap() {
        for action in actions.as_object().unwrap().keys() {
            let name = format!("{controller}:{action}");
            let sent = |more: Value| {
                let mut sent = json!({"controller": controller, "action": action, "index": "ix", "collection": "co"});
                sent.as_object_mut()
                    .unwrap()
                    .extend(more.as_object().unwrap().clone());
                Some(sent)
            };
            let argument = sent(json!({"surprise": false}));
            let refused = fault(&app, "POST", "/_query", argument, 400, UNEXPECTED).await;
            assert_eq!(refused["props"][0], "surprise", "{name}");
            if !WHOLE.contains(&name.as_str()) {
                let member = sent(json!({"body": {"surprise": 1}}));
                let refused = fault(&app, "POST", "/_query", member, 400, UNEXPECTED).await;
                assert_eq!(refused["props"][0], "body.surprise", "{name}");
            }
            walked += 1;
        }
    }
    assert!(walked > 60, "{walked}");
    let unharmed = ok(&app, "GET", "/_list", None).await;
    assert_eq!(
        unharmed["indexes"],
        json!(["ix"]),
        "nothing was carried out"
    );
}

/// Bodies that are searches and definitions are looked into as well.
#[tokio::test]
async fn bodies_that_are_read_whole_refuse_what_they_do_not_know() {
    let app = world().await;
    let search = json!({"surprise": 1});
    let specification = json!({"strict": true, "fields": {}, "surprise": 1});
    for (verb, path, body) in [
        ("POST", "/ix/co/_search", search.clone()),
        ("POST", "/profiles/_search", search.clone()),
        ("POST", "/roles/_search", search.clone()),
        ("POST", "/users/_search", search.clone()),
        ("PUT", "/ix/co/_specifications", specification),
        (
            "POST",
            "/admin/_loadMappings",
            json!({"ix": {"new": {"surprise": 1}}}),
        ),
        (
            "POST",
            "/admin/_loadFixtures",
            json!({"ix": {"co": [{"create": {"_id": "x", "surprise": 1}}, {"n": 1}]}}),
        ),
    ] {
        let answer = call(&app, verb, path, Some(body)).await;
        let status = answer["status"].as_u64().unwrap_or_default();
        let told = answer.to_string();
        assert!(
            (400..=501).contains(&status)
                && (told.contains("surprise") || told.contains("unexpected properties")),
            "{verb} {path}: {answer:#}"
        );
    }
}

/// As the address has it: every HTTP route of every action.
#[tokio::test]
async fn every_route_refuses_what_its_query_does_not_know() {
    let app = world().await;
    let api = ok(&app, "GET", "/_publicApi", None).await;
    let before = ok(&app, "GET", "/_list", None).await;
    let actions = api.as_object().unwrap().values();
    let routes = actions
        .flat_map(|actions| actions.as_object().unwrap().values())
        .flat_map(|action| action["http"].as_array().into_iter().flatten());
    let mut walked = 0;
    for route in routes {
        let (verb, path) = (&route["verb"], route["path"].as_str().unwrap());
        let segments = path.split('/').map(|segment| match segment {
            ":index" => "ix",
            ":collection" => "co",
            ":strategy" => "local",
            variable if variable.starts_with(':') => "x",
            other => other,
        });
        let path = segments.collect::<Vec<_>>().join("/") + "?surprise=1";
        let verb = verb.as_str().unwrap();
        let refused = fault(&app, verb, &path, None, 400, UNEXPECTED).await;
        assert_eq!(refused["props"][0], "surprise", "{verb} {path}");
        walked += 1;
    }
    assert!(walked > 140, "{walked}");
    assert_eq!(ok(&app, "GET", "/_list", None).await, before);
}

#[tokio::test]
async fn members_of_searches_documents_and_routes_are_refused_by_name() {
    let app = world().await;
    let unsupported = "services.storage.unsupported";
    fault(
        &app,
        "POST",
        "/ix/co/_search",
        Some(json!({"surprise": 1})),
        501,
        unsupported,
    )
    .await;
    for (verb, path) in [
        ("POST", "/ix/co/_create?refesh=wait_for"),
        ("GET", "/ix/co/x?source=false"),
        ("PUT", "/ix/co?shards=3"),
        ("GET", "/_list?countCollection"),
        ("POST", "/ix/co/_count?_id=x"),
        ("GET", "/_now?when=soon"),
    ] {
        fault(&app, verb, path, Some(json!({})), 400, UNEXPECTED).await;
    }
    for wrong in [
        "retryOnConflict=often",
        "retryOnConflict=-1",
        "source=maybe",
        "silent=2",
    ] {
        let path = format!("/ix/co/x/_update?{wrong}");
        let changes = Some(json!({"n": 1}));
        fault(
            &app,
            "PATCH",
            &path,
            changes,
            400,
            "api.assert.invalid_type",
        )
        .await;
    }
    for wrong in ["strict=maybe", "source=maybe"] {
        let path = format!("/ix/co/_mCreate?{wrong}");
        let documents = Some(json!({"documents": [{"_id": "early", "body": {}}]}));
        let wrong_type = "api.assert.invalid_type";
        fault(&app, "POST", &path, documents, 400, wrong_type).await;
        let there = call(&app, "GET", "/ix/co/early/_exists", None).await;
        assert_eq!(there["result"], false, "{wrong}: it was carried out");
    }
    // What clients add for themselves, and what is null, is nothing.
    for path in [
        "/ix/co/_count?verb=POST&timeout=5",
        "/ix/co/_count?cookieAuth=false&triggerEvents=true",
    ] {
        ok(&app, "POST", path, Some(json!({"query": {}}))).await;
    }
    let member =
        |document: Value| Some(json!({"documents": [document, {"_id": "good", "body": {}}]}));
    let odd = json!({"_id": "x", "body": {}, "if_version": 3});
    let told = ok(&app, "POST", "/ix/co/_mCreate", member(odd)).await;
    let (error, made) = (&told["errors"][0], &told["successes"]);
    assert!(
        error["reason"].as_str().unwrap().contains("\"if_version\""),
        "{told}"
    );
    assert_eq!(
        (made.as_array().unwrap().len(), &made[0]["_id"]),
        (1, &json!("good"))
    );
    let changes = json!({"_id": "x", "body": {}, "changes": {}});
    let told = ok(&app, "PUT", "/ix/co/_mCreateOrReplace", member(changes)).await;
    assert!(
        told["errors"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("\"changes\""),
        "{told}"
    );
    let none = call(&app, "GET", "/ix/co/x/_exists", None).await;
    assert_eq!(none["result"], false);
}
