//! Log-in by another issuer: the browser is sent there and comes back with a code. The issuer is a real
//! server with a key of its own, which holds to what OpenID Connect wants of a client.

mod provider;

use super::{PASSWORD, answer, ok, refused, with};
use crate::{harness::App, socket::Socket};
use provider::{OpenIdProvider, SignInPage};
use reqwest::Method;
use serde_json::{Value, json};

const LOGIN: &str = "/_login/corporate";
const FAILED: (u16, &str) = (401, "plugin.strategy.missing_user");

/// What a page has in hand when its browser is back.
struct BroughtBack {
    attempt: String,
    code: String,
    state: String,
}

impl BroughtBack {
    fn body(&self) -> Value {
        json!({"attempt": self.attempt, "code": self.code, "state": self.state})
    }
}

/// A page begins, and the person signs in at the issuer.
async fn brought_back(app: &App, provider: &OpenIdProvider, person: &str) -> BroughtBack {
    let (attempt, page) = begun(app).await;
    let code = provider.sign_in(&page, person);
    BroughtBack {
        attempt,
        code,
        state: page.state,
    }
}

async fn begun(app: &App) -> (String, SignInPage) {
    let told = ok(app, "POST", LOGIN, None, Some(json!({}))).await;
    assert_eq!(told["statusCode"], 302, "{told:#}");
    let location = told["headers"]["Location"].as_str().unwrap();
    let attempt = told["attempt"].as_str().unwrap().to_owned();
    (attempt, SignInPage::read(location))
}

async fn is_refused(app: &App, body: Value) {
    refused(app, ("POST", LOGIN), None, Some(body), FAILED).await;
}

#[tokio::test]
async fn who_signs_in_at_the_issuer_has_a_session_with_what_the_table_gives() {
    let provider = OpenIdProvider::start().await;
    let (app, admin) = provider.believed().await;
    let names = ok(&app, "GET", "/strategies", Some(&admin), None).await;
    assert_eq!(names, json!(["local", "corporate"]));
    let back = brought_back(&app, &provider, "alice").await;
    let session = ok(&app, "POST", LOGIN, None, Some(back.body())).await;
    assert_eq!(session["_id"], "corporate:alice");
    assert!((3_500_000..=3_600_000).contains(&session["ttl"].as_i64().unwrap()));
    let token = session["jwt"].as_str().unwrap();
    assert!(token.starts_with("kauth-"), "{token}");
    let me = ok(&app, "GET", "/_me", Some(token), None).await;
    let source = json!({"profileIds": ["default", "writer"], "department": "north"});
    assert_eq!(me["_source"], source);
    let path = "/ix/co/a/_create";
    ok(&app, "POST", path, Some(token), Some(json!({}))).await;
    let forbidden = (403, "security.rights.forbidden");
    let elsewhere = ("POST", "/ix/other/a/_create");
    refused(&app, elsewhere, Some(token), Some(json!({})), forbidden).await;
    // In a frame, too: a page that has a connection alone logs in by it.
    let mut socket = Socket::connect(app.address).await;
    let mut frame = json!({"controller": "auth", "action": "login", "strategy": "corporate"});
    let told = socket.ask(frame.clone()).await;
    let page = SignInPage::read(told["result"]["headers"]["Location"].as_str().unwrap());
    let code = provider.sign_in(&page, "bob");
    frame["body"] = json!({"attempt": told["result"]["attempt"], "code": code, "state": page.state, "iss": provider.address()});
    let session = socket.ask(frame).await;
    assert_eq!(session["result"]["_id"], "corporate:bob", "{session:#}");
    // It is neither prolonged nor longer than the settings allow.
    let forbidden = (401, "security.token.refresh_forbidden");
    refused(
        &app,
        ("POST", "/_refreshToken"),
        Some(token),
        None,
        forbidden,
    )
    .await;
    let back = brought_back(&app, &provider, "alice").await;
    let long = ("POST", "/_login/corporate?expiresIn=13h");
    let too_long = (400, "security.token.ttl_exceeded");
    refused(&app, long, None, Some(back.body()), too_long).await;
}

#[tokio::test]
async fn an_attempt_is_of_the_browser_that_began_it_and_used_once() {
    let provider = OpenIdProvider::start().await;
    let (app, _admin) = provider.believed().await;
    let back = brought_back(&app, &provider, "alice").await;
    let with = |name: &str, value: Value| {
        let mut body = back.body();
        body[name] = value;
        body
    };
    // Somebody else's: another state, attempt, issuer; none at all; what the issuer did not give.
    let other = brought_back(&app, &provider, "mallory").await;
    is_refused(&app, with("state", json!(other.state))).await;
    is_refused(&app, with("state", json!(""))).await;
    is_refused(&app, with("state", Value::Null)).await;
    is_refused(&app, with("attempt", json!(other.attempt))).await;
    is_refused(&app, with("attempt", Value::Null)).await;
    let mut changed = back.attempt.clone();
    changed.replace_range(0..1, "2");
    is_refused(&app, with("attempt", json!(changed))).await;
    is_refused(&app, with("iss", json!("https://other.example.org"))).await;
    is_refused(&app, with("error", json!("access_denied"))).await;
    assert_eq!(provider.exchanges(), 0);
    let unexpected = (400, "api.assert.unexpected_argument");
    let verifier = with("verifier", json!("x"));
    refused(&app, ("POST", LOGIN), None, Some(verifier), unexpected).await;
    // Two at once: one session.
    let (one, two) = futures::join!(tried(&app, &back), tried(&app, &back));
    let mut found = [one, two];
    found.sort_unstable();
    assert_eq!(found, [200, 401]);
    // And never again, with this code or a fresh one.
    is_refused(&app, back.body()).await;
    let fresh = provider.sign_in(
        &SignInPage {
            state: back.state.clone(),
            ..provider.last_page()
        },
        "alice",
    );
    is_refused(&app, with("code", json!(fresh))).await;
    assert_eq!(provider.exchanges(), 1);
    // A code of somebody else's attempt: the verifier is not that of its challenge.
    let (third, fourth) = (
        brought_back(&app, &provider, "alice").await,
        brought_back(&app, &provider, "mallory").await,
    );
    let mut stolen = third.body();
    stolen["code"] = json!(fourth.code);
    is_refused(&app, stolen).await;
}

async fn tried(app: &App, back: &BroughtBack) -> u16 {
    answer(with(app, "POST", LOGIN, None, Some(&back.body())))
        .await
        .0
}

#[tokio::test]
async fn an_id_token_that_is_not_for_this_attempt_logs_nobody_in() {
    let provider = OpenIdProvider::start().await;
    let (app, _admin) = provider.believed().await;
    let changes = [
        ("nonce", json!("of another attempt")),
        ("nonce", Value::Null),
        ("aud", json!("another client")),
        ("aud", json!(["consign-client", "other"])),
        ("azp", json!("other")),
        ("iss", json!("https://other.example.org")),
        ("exp", json!(1_000_000_000)),
        ("exp", Value::Null),
        ("sub", json!("")),
    ];
    for (name, value) in changes {
        provider.change_claim(name, value.clone());
        let back = brought_back(&app, &provider, "alice").await;
        let (status, id, told) = answer(with(&app, "POST", LOGIN, None, Some(&back.body()))).await;
        assert_eq!((status, id.as_str()), FAILED, "{name} {value}: {told:#}");
    }
    provider.change_claim("azp", json!("consign-client"));
    let back = brought_back(&app, &provider, "alice").await;
    ok(&app, "POST", LOGIN, None, Some(back.body())).await;
    // Signed by another key of the same name.
    provider.change_key();
    let back = brought_back(&app, &provider, "alice").await;
    is_refused(&app, back.body()).await;
}

#[tokio::test]
async fn an_issuer_that_calls_itself_otherwise_or_is_away_sends_nobody() {
    let provider = OpenIdProvider::start().await;
    provider.call_itself("https://other.example.org");
    let (app, _admin) = provider.believed().await;
    let stale = (503, "security.token.cannot_be_verified");
    refused(&app, ("POST", LOGIN), None, Some(json!({})), stale).await;
    let unknown = (400, "security.credentials.unknown_strategy");
    let other = ("POST", "/_login/another");
    refused(&app, other, None, Some(json!({})), unknown).await;
}

#[tokio::test]
async fn a_browser_that_comes_back_to_the_gateway_goes_on_with_its_session_in_a_cookie() {
    let provider = OpenIdProvider::start().await;
    let (app, _admin) = provider.believed().await;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let get = |path: &str, cookie: Option<&str>| {
        let request = client.request(Method::GET, app.url(path));
        match cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    };
    let sent = get(LOGIN, None).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let header = |answer: &reqwest::Response, name: &str| -> Vec<String> {
        let lines = answer.headers().get_all(name).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    };
    let page = SignInPage::read(&header(&sent, "location")[0]);
    let kept = header(&sent, "set-cookie").remove(0);
    let (pair, attributes) = kept.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; Path=/; SameSite=Lax; Max-Age=600");
    let told: Value = sent.json().await.unwrap();
    assert!(told["result"].get("attempt").is_none(), "{told:#}");
    let code = provider.sign_in(&page, "alice");
    let back = format!("{LOGIN}?code={code}&state={}&session_state=x", page.state);
    // Another browser is brought here with it.
    let other = get(&back, None).send().await.unwrap();
    assert_eq!(other.status(), 401);
    let landed = get(&back, Some(pair)).send().await.unwrap();
    assert_eq!(landed.status(), 302);
    assert_eq!(header(&landed, "location"), ["https://shop.example.org/"]);
    let cookies = header(&landed, "set-cookie");
    let session = cookies
        .iter()
        .find(|line| line.starts_with("authToken=kauth-"));
    let session = session.unwrap().split(';').next().unwrap();
    assert!(
        cookies
            .iter()
            .any(|line| line.starts_with("loginAttempt=null; ") && line.contains("Max-Age=0"))
    );
    let told: Value = landed.json().await.unwrap();
    assert!(told["result"].get("jwt").is_none(), "{told:#}");
    let me = get("/_me", Some(session)).header("sec-fetch-site", "same-origin");
    let me: Value = me.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["result"]["_id"], "corporate:alice", "{me:#}");
}

#[tokio::test]
async fn such_a_session_is_seen_and_ended_like_any_other() {
    let provider = OpenIdProvider::start().await;
    let (app, admin) = provider.believed().await;
    let log_in = async || {
        let back = brought_back(&app, &provider, "alice").await;
        let session = ok(&app, "POST", LOGIN, None, Some(back.body())).await;
        session["jwt"].as_str().unwrap().to_owned()
    };
    let invalid = (401, "security.token.invalid");
    let me = ("GET", "/_me");
    let (first, second, third) = (log_in().await, log_in().await, log_in().await);
    ok(&app, "POST", "/_logout", Some(&first), None).await;
    refused(&app, me, Some(&first), None, invalid).await;
    let path = "/v1/security/sessions";
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let (_, _, told) = answer(with(&app, "GET", path, Some(&second), None)).await;
        match told["sessions"].as_array().unwrap().len() {
            2 => break,
            _ => assert!(tokio::time::Instant::now() < patience, "{told:#}"),
        }
    }
    // Who may not do all that the issuer's people may ends nothing of theirs.
    let allowed = json!({"security": super::allow(&["revokeTokens"])});
    let clerk = super::user(&app, &admin, "clerk", allowed, json!([])).await;
    let revoke = ("DELETE", "/users/corporate:alice/tokens");
    let forbidden = (403, "security.rights.forbidden");
    refused(&app, revoke, Some(&clerk), None, forbidden).await;
    ok(&app, revoke.0, revoke.1, Some(&admin), None).await;
    for token in [&second, &third] {
        refused(&app, me, Some(token), None, invalid).await;
    }
    let fourth = log_in().await;
    ok(&app, "GET", "/_me", Some(&fourth), None).await;
    ok(&app, "POST", "/_logout?global=true", Some(&fourth), None).await;
    refused(&app, me, Some(&fourth), None, invalid).await;
    // There is no password, no key and no user behind it.
    let fifth = log_in().await;
    let gone = (404, "security.user.not_found");
    let key = Some(json!({"description": "for ever"}));
    refused(&app, ("POST", "/api-keys/_create"), Some(&fifth), key, gone).await;
    // Where the table gives less, such a session may less at once; where nobody logs in by the issuer
    // any more, it is none.
    let mut app = app;
    let here = app.address;
    app.address = app.sibling(provider.config_without_groups()).await;
    let source = ok(&app, "GET", "/_me", Some(&fifth), None).await["_source"].take();
    assert_eq!(source["profileIds"], json!(["default"]));
    app.address = here;
    app.address = app.sibling(provider.config_without_login()).await;
    refused(&app, me, Some(&fifth), None, invalid).await;
    let local = json!({"username": "root", "password": PASSWORD, "state": "x"});
    let unexpected = (400, "api.assert.unexpected_argument");
    let login = ("POST", "/_login/local");
    refused(&app, login, None, Some(local), unexpected).await;
}
