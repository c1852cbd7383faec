//! Tokens of another issuer, at every door.

use super::{allow, answer, believing, close, ok, refused, with};
use crate::{
    harness::{App, Builder},
    socket::Socket,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use gateway::Config;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use runtime::{Clock, SystemClock};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const INVALID: (u16, &str) = (401, "security.token.invalid");

/// An issuer whose key is published on this machine.
struct Issuer {
    key: EcdsaKeyPair,
    keys: String,
}

impl Issuer {
    async fn start() -> Self {
        let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(how, made.as_ref(), &random).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let published = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "x": BASE64.encode(x), "y": BASE64.encode(y),
        }]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await;
                let (body, head) = (
                    published.to_string(),
                    "HTTP/1.1 200 OK\r\nconnection: close",
                );
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { key, keys }
    }

    /// Of somebody there, for some seconds.
    fn token(&self, subject: &str, groups: &[&str], seconds: i64) -> String {
        let now = SystemClock.now() / 1000;
        let head = json!({"alg": "ES256", "kid": "k"});
        let claims = json!({
            "iss": "https://id.example.org", "aud": "consign", "sub": subject, "exp": now + seconds, "groups": groups,
            "dept": "north",
        });
        let part = |json: &Value| BASE64.encode(json.to_string());
        let signed = format!("{}.{}", part(&head), part(&claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Settings by which it is believed.
    fn config(&self) -> Config {
        let issuer = json!({
            "name": "corporate", "issuer": "https://id.example.org", "keys": self.keys, "audiences": ["consign"],
            "groups": "/groups", "profiles": {"writers": ["writer"], "readers": ["reader"]}, "default_profiles": ["default"],
            "attributes": {"department": "/dept"}, "leeway_seconds": 0,
        });
        believing(issuer)
    }

    /// A closed deployment that believes it, and the session of its administrator. Members of
    /// `writers` write in one collection, those of `readers` hear another.
    async fn believed(&self) -> (App, String) {
        let app = Builder {
            config: self.config(),
            ..Builder::default()
        };
        let app = app.start().await;
        let admin = close(&app).await;
        let role = json!({"controllers": {
            "document": allow(&["create", "get"]), "realtime": allow(&["subscribe"]), "auth": allow(&["*"]),
        }});
        ok(&app, "PUT", "/roles/writer", Some(&admin), Some(role)).await;
        let here = json!([{"index": "ix", "collections": ["co"]}]);
        let profile = json!({"policies": [{"roleId": "writer", "restrictedTo": here}]});
        ok(&app, "PUT", "/profiles/writer", Some(&admin), Some(profile)).await;
        let there = json!([{"index": "ix", "collections": ["other"]}]);
        let profile = json!({"policies": [{"roleId": "writer", "restrictedTo": there}]});
        ok(&app, "PUT", "/profiles/reader", Some(&admin), Some(profile)).await;
        (app, admin)
    }
}

#[tokio::test]
async fn a_token_of_a_believed_issuer_opens_what_its_groups_give_by_every_door() {
    let issuer = Issuer::start().await;
    let (app, admin) = issuer.believed().await;
    let alice = issuer.token("alice", &["writers", "unknown"], 600);
    let me = ok(&app, "GET", "/_me", Some(&alice), None).await;
    let source = json!({"profileIds": ["default", "writer"], "department": "north"});
    assert_eq!(
        me,
        json!({"_id": "corporate:alice", "_source": source, "strategies": []})
    );
    // Consign's own API, as Sunbird's clients send it too; and Kuzzle's, by HTTP and in a frame.
    let write =
        |collection: &str| json!({"index": "ix", "collection": collection, "_id": "a", "body": {}});
    let path = "/v1/operations/document.create";
    let asked = with(&app, "POST", path, Some(&alice), Some(&write("co")));
    assert_eq!(answer(asked.header("prefer", "wait=20")).await.0, 200);
    let asked = app.post(path, &write("other"));
    let asked = asked.header("x-authenticated-user-token", &alice);
    assert_eq!(answer(asked).await.0, 403);
    let found = ok(&app, "GET", "/ix/co/a", Some(&alice), None).await;
    assert_eq!(found["_id"], "a");
    let mut socket = Socket::connect(app.address).await;
    let get = json!({"controller": "document", "action": "get", "index": "ix", "collection": "co", "_id": "a", "jwt": alice});
    assert_eq!(socket.ask(get).await["status"], 200);
    // The log says who it was.
    let events = app.events().await;
    let principals = events.iter().map(|event| event.data.principal.as_str());
    assert!(principals.into_iter().any(|name| name == "corporate:alice"));
    // Without the group there is no right; a changed token is none, in an envelope and a frame.
    let bob = issuer.token("bob", &[], 600);
    let forbidden = (403, "security.rights.forbidden");
    refused(&app, ("GET", "/ix/co/a"), Some(&bob), None, forbidden).await;
    let (head, tag) = alice.rsplit_once('.').unwrap();
    let forged = format!(
        "{head}.{}{tag}",
        if tag.starts_with('A') { 'B' } else { 'A' }
    );
    let forged = forged[..alice.len()].to_owned();
    refused(&app, ("GET", "/ix/co/a"), Some(&forged), None, INVALID).await;
    let unauthenticated = (401, "unauthenticated");
    refused(
        &app,
        ("GET", "/v1/operations"),
        Some(&forged),
        None,
        unauthenticated,
    )
    .await;
    let frame = json!({"controller": "server", "action": "now", "jwt": forged});
    assert_eq!(socket.ask(frame).await["error"]["id"], INVALID.1);
    let over = issuer.token("alice", &["writers"], -1);
    refused(&app, ("GET", "/ix/co/a"), Some(&over), None, INVALID).await;
    let check = json!({"token": alice});
    let told = ok(&app, "POST", "/_checkToken", Some(&admin), Some(check)).await;
    assert_eq!(
        (&told["valid"], &told["kuid"]),
        (&json!(true), &json!("corporate:alice"))
    );
}

#[tokio::test]
async fn nobody_of_this_deployment_is_somebody_of_another_issuer() {
    let issuer = Issuer::start().await;
    let (app, admin) = issuer.believed().await;
    // A name of theirs is given to nobody here.
    let body = json!({"content": {"profileIds": ["default"]}});
    let create = ("POST", "/users/corporate:alice/_create");
    let taken = (400, "api.assert.invalid_argument");
    refused(&app, create, Some(&admin), Some(body), taken).await;
    // And they have nothing here that could be changed: `root` there is not `root` here.
    let root = issuer.token("root", &["writers"], 600);
    let gone = (404, "security.user.not_found");
    let key = Some(json!({"description": "for ever"}));
    refused(&app, ("POST", "/api-keys/_create"), Some(&root), key, gone).await;
    let name = Some(json!({"name": "Other"}));
    refused(&app, ("PUT", "/_me"), Some(&root), name, gone).await;
    let refresh = ("POST", "/_refreshToken");
    let forbidden = (401, "security.token.refresh_forbidden");
    refused(&app, refresh, Some(&root), None, forbidden).await;
    ok(&app, "POST", "/_logout?global=true", Some(&root), None).await;
    ok(&app, "GET", "/_me", Some(&admin), None).await;
    ok(&app, "GET", "/_me", Some(&root), None).await;
}

#[tokio::test]
async fn a_subscription_ends_with_the_token_and_a_later_one_keeps_it() {
    let issuer = Issuer::start().await;
    let (app, _admin) = issuer.believed().await;
    app.notifier("n");
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let token = issuer.token("alice", &["writers"], 3);
        let mut socket = Socket::connect(app.address).await;
        let ask = json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {}, "jwt": token});
        let subscribed = socket.ask(ask).await;
        assert_eq!(subscribed["status"], 200, "{subscribed}");
        sockets.push(socket);
    }
    let later = issuer.token("alice", &["writers"], 600);
    let get = json!({"controller": "auth", "action": "getCurrentUser", "jwt": later});
    assert_eq!(sockets[1].ask(get).await["status"], 200);
    assert_eq!(sockets[0].next().await["type"], "TokenExpired");
    sockets[1].silent(Duration::from_millis(800)).await;
}

#[tokio::test]
async fn each_token_of_one_bearer_on_a_connection_hears_what_itself_may() {
    let issuer = Issuer::start().await;
    let (app, admin) = issuer.believed().await;
    app.notifier("n");
    let mut socket = Socket::connect(app.address).await;
    let subscribe = |collection: &str, token: &str| json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": collection, "body": {}, "jwt": token});
    let (writer, reader) = (
        issuer.token("alice", &["writers"], 600),
        issuer.token("alice", &["readers"], 3),
    );
    for (collection, token) in [("co", &writer), ("other", &reader)] {
        let subscribed = socket.ask(subscribe(collection, token)).await;
        assert_eq!(subscribed["status"], 200, "{subscribed}");
    }
    // What the one may not hear, the other does: both go on while they last.
    socket.silent(Duration::from_millis(1_500)).await;
    heard_collections(&app, &admin, &["co", "other"]).await;
    // The shorter one ends by itself; the longer one does not prolong it.
    assert_eq!(socket.next().await["type"], "TokenExpired");
    heard_collections(&app, &admin, &["co"]).await;
}

/// Waits until somebody is subscribed to these collections and to no others.
async fn heard_collections(app: &App, admin: &str, expected: &[&str]) {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let listing = ok(app, "GET", "/_listSubscriptions", Some(admin), None).await;
        let heard: Vec<&String> = listing["ix"].as_object().unwrap().keys().collect();
        if heard == expected {
            return;
        }
        assert!(Instant::now() < patience, "{listing:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_user_whose_name_became_that_of_an_issuers_principal_is_nobody() {
    let issuer = Issuer::start().await;
    let mut app = crate::harness::app().await;
    let admin = close(&app).await;
    let local = json!({"username": "old", "password": super::PASSWORD});
    let body =
        json!({"content": {"profileIds": ["admin"]}, "credentials": {"local": local.clone()}});
    let path = "/users/corporate:alice/_create";
    ok(&app, "POST", path, Some(&admin), Some(body)).await;
    let session = super::login(&app, "old", super::PASSWORD).await;
    let key = json!({"description": "d"});
    let key = ok(&app, "POST", "/api-keys/_create", Some(&session), Some(key)).await;
    let key = key["_source"]["token"].as_str().unwrap();
    // From now on the name is somebody else's.
    let (before, there) = (app.address, app.sibling(issuer.config()).await);
    for credential in [&session, key] {
        app.address = before;
        ok(&app, "GET", "/_me", Some(credential), None).await;
        app.address = there;
        refused(&app, ("GET", "/_me"), Some(credential), None, INVALID).await;
    }
    let failed = (401, "plugin.strategy.missing_user");
    let login = ("POST", "/_login/local");
    refused(&app, login, None, Some(local), failed).await;
    let alice = issuer.token("alice", &[], 600);
    let me = ok(&app, "GET", "/_me", Some(&alice), None).await;
    assert_eq!(me["_source"]["profileIds"], json!(["default"]));
    ok(&app, "GET", "/_me", Some(&admin), None).await;
}
