//! Every HTTP route of Kuzzle, served or answered by name, and what no index may be called.

use super::{call, fault, ok, world};
use crate::harness::problem;
use serde_json::{Value, json};

/// Action, verb and path, as the product has them.
fn routes() -> Vec<(&'static str, &'static str, String)> {
    let list = include_str!("../../../src/kuzzle/routes.txt");
    let route = |line: &'static str| {
        let words: Vec<&str> = line.split(' ').collect();
        let segments = words[2].split('/').map(|segment| match segment {
            ":index" => "walked",
            ":collection" => "co",
            variable if variable.starts_with(':') => "some",
            other => other,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        (words[0], words[1], path)
    };
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.map(route).collect()
}

#[tokio::test]
async fn every_route_of_kuzzle_is_served_or_answered_by_name() {
    let app = world().await;
    let served = ok(&app, "GET", "/_publicApi", None).await;
    let before = ok(&app, "GET", "/_list", None).await;
    let (known, others): (Vec<_>, Vec<_>) = routes().into_iter().partition(|(action, ..)| {
        let (controller, name) = action.split_once(':').unwrap();
        served[controller].get(name).is_some()
    });
    assert!(known.len() > 60 && others.len() > 100);
    for (action, verb, path) in others {
        let refused = call(&app, verb, &path, None).await;
        let (controller, name) = action.split_once(':').unwrap();
        assert_eq!(
            (
                &refused["status"],
                &refused["error"]["id"],
                &refused["error"]["props"]
            ),
            (
                &json!(404),
                &json!("api.process.action_not_found"),
                &json!([controller, name])
            ),
            "{verb} {path} is {action}: {refused:#}"
        );
        let named = (&refused["controller"], &refused["action"]);
        assert_eq!(named, (&json!(controller), &json!(name)));
    }
    assert_eq!(ok(&app, "GET", "/_list", None).await, before);
    for (action, verb, path) in known {
        if action == "server:openapi" || action == "security:restrictDefaultRights" {
            // The one's document stands alone; after the other nobody could walk on.
            continue;
        }
        let answer = call(&app, verb, &path, None).await;
        let (controller, name) = action.split_once(':').unwrap();
        let named = (&answer["controller"], &answer["action"]);
        assert_eq!(
            named,
            (&json!(controller), &json!(name)),
            "{verb} {path}: {answer:#}"
        );
    }
}

#[tokio::test]
async fn what_paths_begin_with_names_no_index() {
    let app = world().await;
    let unserved = "api.process.action_not_found";
    fault(&app, "GET", "/users/_mapping", None, 404, unserved).await;
    fault(&app, "GET", "/profiles/_mapping", None, 404, unserved).await;
    let unknown = "security.user.not_found";
    fault(&app, "DELETE", "/users/bob", None, 404, unknown).await;
    let nowhere = "network.http.url_not_found";
    fault(&app, "PUT", "/admin/co", Some(json!({})), 404, nowhere).await;
    fault(&app, "POST", "/credentials/co/_search", None, 404, nowhere).await;
    fault(
        &app,
        "TRACE",
        "/ix/co",
        None,
        400,
        "network.http.unsupported_verb",
    )
    .await;
    for name in ["users", "ms", "api-keys", "docs", "metrics", "v1", "v23"] {
        let create = json!({"controller": "index", "action": "create", "index": name});
        let refused = "services.storage.invalid_index_name";
        fault(&app, "POST", "/_query", Some(create), 400, refused).await;
        let path = app.url(&format!("/v1/collections/{name}/c"));
        problem(app.client.put(path), 422, "bad_name").await;
    }
    let list: Value = ok(&app, "GET", "/_list", None).await;
    let made = list["indexes"].as_array().unwrap();
    assert!(
        !made.iter().any(|name| name == "users" || name == "ms"),
        "{list}"
    );
}

/// What asks for heads only is answered as a GET, without its body, and `OPTIONS` with the methods.
#[tokio::test]
async fn heads_and_options_are_answered_wherever_a_get_is() {
    let app = world().await;
    ok(&app, "PUT", "/ix/co/x", Some(json!({}))).await;
    for path in [
        "/",
        "/_serverInfo",
        "/_now",
        "/_publicApi",
        "/_healthcheck",
        "/_ready",
        "/ix/co/x",
        "/ix/co/none",
        "/ix/nope/_mapping",
        "/a/b/c/d/e/f",
    ] {
        let get = app.client.get(app.url(path)).send().await.unwrap();
        let head = app.client.head(app.url(path)).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(
            head.headers()["content-type"],
            get.headers()["content-type"]
        );
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
    for (path, allowed) in [
        ("/", Some("GET, HEAD, OPTIONS")),
        ("/ix/co/x", Some("GET, PUT, DELETE, HEAD, OPTIONS")),
        ("/a/b/c/d/e/f", None),
    ] {
        let options = app.client.request(reqwest::Method::OPTIONS, app.url(path));
        let answer = options.send().await.unwrap();
        let given = answer.headers().get("allow");
        assert_eq!(given.map(|allow| allow.to_str().unwrap()), allowed);
        assert_eq!(answer.status() == 200, allowed.is_some(), "{path}");
    }
}
