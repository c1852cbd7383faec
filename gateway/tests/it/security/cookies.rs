//! Sessions in cookies: for pages that are allowed, in requests that no form can make.

use super::{PASSWORD, closed};
use crate::harness::App;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

const JSON: (&str, &str) = ("content-type", "application/json");
/// A page of this machine, which may ask a gateway of this machine.
const PAGE: (&str, &str) = ("origin", "http://localhost:3000");

struct Told {
    status: StatusCode,
    id: String,
    json: Value,
    set_cookie: Option<String>,
}

async fn ask(app: &App, verb: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Told {
    let method = Method::from_bytes(verb.as_bytes()).unwrap();
    let mut request = app.client.request(method, app.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let set_cookie = answer.headers().get("set-cookie");
    let set_cookie = set_cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
    let json: Value = answer.json().await.unwrap();
    let id = json["error"]["id"].as_str().or(json["code"].as_str());
    Told {
        status,
        id: id.unwrap_or_default().to_owned(),
        json,
        set_cookie,
    }
}

fn credentials() -> Value {
    json!({"username": "root", "password": PASSWORD})
}

const LOGIN: &str = "/_login/local?cookieAuth=true";

/// What a browser keeps of it and sends.
async fn logged_in(app: &App) -> String {
    let told = ask(app, "POST", LOGIN, &[JSON, PAGE], &credentials()).await;
    assert_eq!(told.status, 200, "{:#}", told.json);
    assert!(told.json["result"].get("jwt").is_none(), "{:#}", told.json);
    let line = told.set_cookie.unwrap();
    let (pair, attributes) = line.split_once("; ").unwrap();
    assert!(
        attributes.starts_with("HttpOnly; Path=/; SameSite=Strict; Max-Age="),
        "{line}"
    );
    assert!(pair.starts_with("authToken=kauth-"), "{line}");
    pair.to_owned()
}

#[tokio::test]
async fn a_page_signs_in_asks_refreshes_and_signs_out_without_seeing_the_token() {
    let (app, _) = closed().await;
    let cookie = logged_in(&app).await;
    let shown = [("cookie", cookie.as_str()), JSON, PAGE];
    let same = [
        ("cookie", cookie.as_str()),
        JSON,
        ("sec-fetch-site", "same-origin"),
    ];
    for headers in [&shown, &same] {
        let me = ask(&app, "GET", "/_me", headers, &Value::Null).await;
        assert_eq!(me.json["result"]["_id"], "root", "{:#}", me.json);
    }
    let query = json!({"controller": "auth", "action": "getCurrentUser"});
    let me = ask(&app, "POST", "/_query", &shown, &query).await;
    assert_eq!(me.json["result"]["_id"], "root");
    let check = "/_checkToken?cookieAuth=true";
    let told = ask(&app, "POST", check, &shown, &json!({})).await;
    assert_eq!(told.json["result"]["kuid"], "root");
    let told = ask(
        &app,
        "POST",
        "/_refreshToken?cookieAuth=true",
        &shown,
        &Value::Null,
    )
    .await;
    assert!(told.json["result"].get("jwt").is_none(), "{:#}", told.json);
    let line = told.set_cookie.unwrap();
    let fresh = line.split_once(';').unwrap().0;
    assert_ne!(fresh, cookie);
    let shown = [("cookie", fresh), JSON, PAGE];
    let told = ask(
        &app,
        "POST",
        "/_logout?cookieAuth=true",
        &shown,
        &Value::Null,
    )
    .await;
    assert_eq!(told.status, 200, "{:#}", told.json);
    assert!(told.set_cookie.unwrap().starts_with("authToken=null; "));
    let told = ask(&app, "GET", "/_me", &shown, &Value::Null).await;
    assert_eq!(
        (told.status.as_u16(), told.id.as_str()),
        (401, "security.token.invalid")
    );
    let told = ask(&app, "POST", check, &shown, &json!({})).await;
    assert_eq!(told.json["result"]["valid"], false);
    // Whoever has an old one logs in again.
    let told = ask(&app, "POST", LOGIN, &shown, &credentials()).await;
    assert_eq!(told.status, 200, "{:#}", told.json);
}

/// Status and id of the refusal, and what was sent.
type RefusedHead<'a> = (u16, &'a str, Vec<(&'a str, &'a str)>);

#[tokio::test]
async fn what_a_browser_was_made_to_send_is_refused() {
    let (app, admin) = closed().await;
    let cookie = logged_in(&app).await;
    let cookie = ("cookie", cookie.as_str());
    let invalid = "security.cookie.invalid";
    let foreign = ("origin", "https://evil.example");
    let bearer = format!("Bearer {admin}");
    let cases: [RefusedHead<'_>; 9] = [
        // No page that the browser names.
        (401, invalid, vec![cookie, JSON]),
        (
            401,
            invalid,
            vec![cookie, JSON, ("sec-fetch-site", "cross-site")],
        ),
        (
            401,
            invalid,
            vec![cookie, JSON, ("sec-fetch-site", "same-site")],
        ),
        (401, invalid, vec![cookie, JSON, ("sec-fetch-site", "none")]),
        (403, "foreign_origin", vec![cookie, JSON, foreign]),
        (
            403,
            "foreign_origin",
            vec![cookie, JSON, ("origin", "null")],
        ),
        // What a form sends.
        (401, invalid, vec![cookie, PAGE]),
        (
            401,
            invalid,
            vec![cookie, PAGE, ("content-type", "text/plain")],
        ),
        (
            401,
            "security.token.invalid",
            vec![cookie, JSON, PAGE, ("authorization", &bearer)],
        ),
    ];
    let put = json!({"n": 1});
    for (status, id, headers) in &cases {
        let told = ask(&app, "PUT", "/ix/co/forged", headers, &put).await;
        let found = (told.status.as_u16(), told.id.as_str());
        assert_eq!(found, (*status, *id), "{headers:?}: {:#}", told.json);
    }
    let asked = app.client.get(app.url("/ix/co/forged")).bearer_auth(&admin);
    assert_eq!(asked.send().await.unwrap().status(), 404);
    // Nor is anybody logged in by a page that may not.
    for headers in [
        vec![JSON],
        vec![JSON, ("sec-fetch-site", "cross-site")],
        vec![PAGE],
    ] {
        let told = ask(&app, "POST", LOGIN, &headers, &credentials()).await;
        let found = (told.status.as_u16(), told.id.as_str(), told.set_cookie);
        assert_eq!(found, (401, invalid, None), "{headers:?}: {:#}", told.json);
    }
    // Consign's own API knows none.
    let told = ask(
        &app,
        "GET",
        "/v1/collections",
        &[cookie, PAGE],
        &Value::Null,
    )
    .await;
    assert_eq!(told.status, 401, "{:#}", told.json);
}

#[tokio::test]
async fn where_every_page_may_ask_no_cookie_is_set_or_taken() {
    let config = gateway::Config {
        allowed_origins: vec!["*".to_owned()],
        ..gateway::Config::default()
    };
    let app = crate::harness::Builder {
        config,
        ..Default::default()
    };
    let app = app.start().await;
    let admin = super::close(&app).await;
    let told = ask(&app, "POST", LOGIN, &[JSON, PAGE], &credentials()).await;
    let found = (told.id.as_str(), told.set_cookie);
    assert_eq!(
        found,
        ("security.cookie.unsupported", None),
        "{:#}",
        told.json
    );
    let cookie = format!("authToken={admin}");
    let shown = [("cookie", cookie.as_str()), JSON, PAGE];
    let told = ask(&app, "GET", "/_me", &shown, &Value::Null).await;
    assert_eq!(told.json["result"]["_id"], "-1", "{:#}", told.json);
    let asked = app.client.get(app.url("/_me")).header(PAGE.0, PAGE.1);
    let answer = asked.send().await.unwrap();
    let credentials = "access-control-allow-credentials";
    assert!(!answer.headers().contains_key(credentials), "{answer:?}");
}

/// The status of each answer over a connection that was opened with these headers.
async fn over_socket(app: &App, headers: &[(&str, &str)], frame: Value) -> Value {
    use futures::{SinkExt, StreamExt};
    let mut request = format!("ws://{}/", app.address)
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        let name = tungstenite::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream)
        .await
        .unwrap();
    let text = tungstenite::Message::text(frame.to_string());
    socket.send(text).await.unwrap();
    let told = socket.next().await.unwrap().unwrap();
    serde_json::from_str(told.to_text().unwrap()).unwrap()
}

#[tokio::test]
async fn a_connection_has_the_session_with_which_it_was_opened() {
    let (app, admin) = closed().await;
    let cookie = logged_in(&app).await;
    let cookie = ("cookie", cookie.as_str());
    let me = json!({"controller": "auth", "action": "getCurrentUser"});
    let told = over_socket(&app, &[cookie, PAGE], me.clone()).await;
    assert_eq!(told["result"]["_id"], "root", "{told:#}");
    let told = over_socket(&app, &[cookie], me.clone()).await;
    assert_eq!(told["error"]["id"], "security.cookie.invalid", "{told:#}");
    let mut both = me;
    both["jwt"] = admin.into();
    let told = over_socket(&app, &[cookie, PAGE], both).await;
    assert_eq!(told["error"]["id"], "security.token.invalid", "{told:#}");
    let login = json!({"controller": "auth", "action": "login", "strategy": "local", "cookieAuth": true, "body": credentials()});
    let told = over_socket(&app, &[PAGE], login).await;
    assert_eq!(
        told["error"]["id"], "security.cookie.unsupported",
        "{told:#}"
    );
}
