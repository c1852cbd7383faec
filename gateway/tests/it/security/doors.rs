//! Every route, made from the tables that the service itself publishes: without a credential, with
//! one that is not honoured, and with one that lacks the right.

use super::{allow, answer, closed, ok, user, with};
use crate::harness::App;
use serde_json::{Value, json};

/// What anonymous callers may do once rights are restricted.
const ANONYMOUS: [&str; 6] = [
    "auth:checkToken",
    "auth:getCurrentUser",
    "auth:getMyRights",
    "auth:login",
    "server:publicApi",
    "server:openapi",
];
/// What the profile `default` may, beside its own role here.
const DEFAULT: [&str; 8] = [
    "auth:checkToken",
    "auth:getCurrentUser",
    "auth:getMyRights",
    "auth:getMySessions",
    "auth:endMySession",
    "auth:logout",
    "auth:updateSelf",
    "server:publicApi",
];

/// (right, verb, path) of every route of Kuzzle's protocol.
async fn kuzzle_routes(app: &App) -> Vec<(String, String, String)> {
    let api = ok(app, "GET", "/_publicApi", None, None).await;
    let mut routes = Vec::new();
    for (controller, actions) in api.as_object().unwrap() {
        for (action, told) in actions.as_object().unwrap() {
            for route in told["http"].as_array().into_iter().flatten() {
                let text = |name: &str| route[name].as_str().unwrap().to_owned();
                routes.push((format!("{controller}:{action}"), text("verb"), text("path")));
            }
        }
    }
    routes
}

fn filled(path: &str) -> String {
    let segment = |segment: &str| match segment {
        ":index" | "{index}" => "ix".to_owned(),
        ":collection" | "{collection}" => "co".to_owned(),
        ":strategy" => "local".to_owned(),
        "{operation}" => "document.create".to_owned(),
        other if other.starts_with([':', '{']) => "x".to_owned(),
        other => other.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_of_kuzzles_protocol_asks_who_calls() {
    let (app, admin) = closed().await;
    let deaf = user(
        &app,
        &admin,
        "deaf",
        json!({"none": allow(&["none"])}),
        json!([]),
    )
    .await;
    let routes = kuzzle_routes(&app).await;
    assert!(routes.len() > 140, "{}", routes.len());
    let garbage = Some("kauth-a.b.c");
    for (right, verb, path) in routes {
        let path = filled(&path);
        let (status, id, json) = answer(with(&app, &verb, &path, garbage, None)).await;
        assert_eq!(
            (status, id.as_str()),
            (401, "security.token.invalid"),
            "{right} {path}: {json:#}"
        );
        if !ANONYMOUS.contains(&right.as_str()) {
            let (status, id, json) = answer(with(&app, &verb, &path, None, None)).await;
            assert_eq!(
                (status, id.as_str()),
                (401, "security.rights.unauthorized"),
                "{right} {path}: {json:#}"
            );
        }
        if !DEFAULT.contains(&right.as_str()) {
            let (status, id, json) = answer(with(&app, &verb, &path, Some(&deaf), None)).await;
            assert_eq!(
                (status, id.as_str()),
                (403, "security.rights.forbidden"),
                "{right} {path}: {json:#}"
            );
        }
    }
}

/// (verb, path) of every route of Consign's own API, those of operations included.
async fn own_routes(app: &App, admin: &str) -> Vec<(String, String)> {
    let (_, _, document) = answer(with(app, "GET", "/openapi.json", Some(admin), None)).await;
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for verb in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|verb| *verb != "parameters")
        {
            routes.push((verb.to_uppercase(), path.clone()));
        }
    }
    routes
}

fn is_public(path: &str) -> bool {
    ["/healthz", "/readyz"].contains(&path) || path.starts_with("/docs/errors/")
}

#[tokio::test]
async fn every_route_of_the_own_api_asks_who_calls() {
    let (app, admin) = closed().await;
    let deaf = user(
        &app,
        &admin,
        "deaf",
        json!({"none": allow(&["none"])}),
        json!([]),
    )
    .await;
    let routes = own_routes(&app, &admin).await;
    assert!(routes.len() > 50, "{}", routes.len());
    let also = ("PATCH".to_owned(), "/private/user/v1/update".to_owned());
    assert!(routes.contains(&also), "further routes of operations, too");
    let code = async |verb: &str, path: &str, token: Option<&str>| {
        let request = with(&app, verb, path, token, Some(&json!({})));
        let request = if path.ends_with("_bulk") {
            request.header("content-type", "application/x-ndjson")
        } else {
            request
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let json: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
        let problem = if json["code"].is_string() {
            &json
        } else {
            &json["result"]["problem"]
        };
        (
            status,
            problem["code"].as_str().unwrap_or_default().to_owned(),
        )
    };
    for (verb, path) in routes {
        let path = filled(&path);
        let of = |token| code(&verb, &path, token);
        if is_public(&path) {
            assert_ne!(of(None).await.0, 401, "{path}");
            continue;
        }
        let unauthenticated = (401, "unauthenticated".to_owned());
        assert_eq!(
            of(Some("kauth-a.b.c")).await,
            unauthenticated,
            "{verb} {path}"
        );
        // Who may log out, as the profile `default` may, sees and ends the sessions that are the caller's.
        let is_own = path.starts_with("/v1/security/sessions");
        let open_to_all = ["/openapi.json", "/docs", "/v1/operations"].contains(&path.as_str());
        if !open_to_all {
            assert_eq!(of(None).await, unauthenticated, "{verb} {path}");
        }
        let expected = match (is_own, verb.as_str()) {
            (true, "GET") => (200, ""),
            (true, _) => (404, "missing"),
            (false, _) => (403, "forbidden"),
        };
        let (status, code) = of(Some(&deaf)).await;
        assert_eq!((status, code.as_str()), expected, "{verb} {path}");
    }
}

/// Any credential that cannot be verified is refused, never taken for none, even where everybody
/// may do everything.
#[tokio::test]
async fn a_foreign_credential_is_not_none() {
    let app = crate::harness::app().await;
    for shown in [
        "Bearer abc",
        "Bearer kauth-x",
        "Bearer kapikey-a.b.c",
        "Basic cm9vdDpyb290",
    ] {
        let request = app.get("/_now").header("authorization", shown);
        assert_eq!(answer(request).await.1, "security.token.invalid", "{shown}");
        let request = app.get("/v1/collections").header("authorization", shown);
        assert_eq!(answer(request).await.1, "unauthenticated", "{shown}");
    }
    let request = app
        .get("/v1/collections")
        .header("x-authenticated-user-token", "abc");
    assert_eq!(answer(request).await.1, "unauthenticated");
    assert_eq!(answer(with(&app, "GET", "/_now", None, None)).await.0, 200);
}
