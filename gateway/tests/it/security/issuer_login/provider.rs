//! An OpenID provider: what it publishes, a page where people sign in, and an endpoint where a client
//! exchanges a code once, with its secret, its address and the verifier of the challenge.

use super::super::{allow, believing, close, ok};
use crate::harness::{App, Builder};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64},
};
use gateway::Config;
use parking_lot::Mutex;
use reqwest::Url;
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use runtime::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const CLIENT: &str = "consign-client";
const SECRET: &str = "a secret & more";
const REDIRECT: &str = "https://shop.example.org/signed-in";

/// What the address says that a browser was sent to.
#[derive(Clone, Debug)]
pub struct SignInPage {
    pub state: String,
    pub nonce: String,
    pub challenge: String,
}

impl SignInPage {
    pub fn read(location: &str) -> Self {
        let url = Url::parse(location).unwrap();
        let given: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let fixed = [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("scope", "openid groups"),
            ("code_challenge_method", "S256"),
            ("tenant", "7"),
        ];
        for (name, value) in fixed {
            assert_eq!(given[name], value, "{location}");
        }
        Self {
            state: given["state"].clone(),
            nonce: given["nonce"].clone(),
            challenge: given["code_challenge"].clone(),
        }
    }
}

struct IssuedCode {
    page: SignInPage,
    person: String,
}

struct ProviderState {
    address: String,
    name: Mutex<String>,
    key: Mutex<EcdsaKeyPair>,
    published: Value,
    codes: Mutex<HashMap<String, IssuedCode>>,
    last: Mutex<Option<SignInPage>>,
    change: Mutex<Option<(String, Value)>>,
    exchanges: AtomicUsize,
}

/// A running one.
pub struct OpenIdProvider {
    state: Arc<ProviderState>,
    folder: tempfile::TempDir,
}

fn fresh_key() -> EcdsaKeyPair {
    let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let made = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(how, made.as_ref(), &random).unwrap()
}

impl OpenIdProvider {
    pub async fn start() -> Self {
        let key = fresh_key();
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let published = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "x": BASE64.encode(x), "y": BASE64.encode(y),
        }]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(ProviderState {
            name: Mutex::new(address.clone()),
            address,
            key: Mutex::new(key),
            published,
            codes: Mutex::default(),
            last: Mutex::default(),
            change: Mutex::default(),
            exchanges: AtomicUsize::new(0),
        });
        let serving = state.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(serving.clone(), stream));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("client-secret");
        std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(secret, owner).unwrap();
        Self { state, folder }
    }

    pub fn address(&self) -> &str {
        &self.state.address
    }

    /// The person signs in on the page; the code that the browser brings back.
    pub fn sign_in(&self, page: &SignInPage, person: &str) -> String {
        let mut codes = self.state.codes.lock();
        let code = format!("code-{}", codes.len() + self.exchanges() * 1_000);
        let issued = IssuedCode {
            page: page.clone(),
            person: person.to_owned(),
        };
        codes.insert(code.clone(), issued);
        *self.state.last.lock() = Some(page.clone());
        code
    }

    pub fn last_page(&self) -> SignInPage {
        self.state.last.lock().clone().unwrap()
    }

    /// How many codes were shown to it.
    pub fn exchanges(&self) -> usize {
        self.state.exchanges.load(Ordering::SeqCst)
    }

    /// One claim of its tokens is another from now on; null: it is missing.
    pub fn change_claim(&self, name: &str, value: Value) {
        *self.state.change.lock() = Some((name.to_owned(), value));
    }

    /// It signs by a key that it does not publish.
    pub fn change_key(&self) {
        *self.state.key.lock() = fresh_key();
    }

    pub fn call_itself(&self, name: &str) {
        name.clone_into(&mut self.state.name.lock());
    }

    fn issuer(&self) -> Value {
        json!({
            "name": "corporate", "issuer": self.state.address, "keys": format!("{}/keys", self.state.address),
            "audiences": ["consign"], "algorithms": ["ES256"], "groups": "/groups", "profiles": {"writers": ["writer"]},
            "default_profiles": ["default"], "attributes": {"department": "/dept"},
            "login": {
                "client_id": CLIENT, "client_secret_file": self.folder.path().join("client-secret"), "redirect": REDIRECT,
                "scopes": ["openid", "groups"], "landing": "https://shop.example.org/",
            },
        })
    }

    pub fn config_without_groups(&self) -> Config {
        let mut issuer = self.issuer();
        issuer["profiles"] = json!({});
        believing(issuer)
    }

    pub fn config_without_login(&self) -> Config {
        let mut issuer = self.issuer();
        issuer.as_object_mut().unwrap().remove("login");
        believing(issuer)
    }

    /// A closed deployment by whose strategy `corporate` people log in, and its administrator.
    pub async fn believed(&self) -> (App, String) {
        let app = Builder {
            config: believing(self.issuer()),
            ..Builder::default()
        };
        let app = app.start().await;
        let admin = close(&app).await;
        let role =
            json!({"controllers": {"document": allow(&["create", "get"]), "auth": allow(&["*"])}});
        ok(&app, "PUT", "/roles/writer", Some(&admin), Some(role)).await;
        let here = json!([{"index": "ix", "collections": ["co"]}]);
        let profile = json!({"policies": [{"roleId": "writer", "restrictedTo": here}]});
        ok(&app, "PUT", "/profiles/writer", Some(&admin), Some(profile)).await;
        (app, admin)
    }
}

/// One request on a connection, which is closed then.
async fn serve(state: Arc<ProviderState>, mut stream: TcpStream) {
    let mut read = Vec::new();
    let (head, body) = loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        read.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = header(head, "content-length").and_then(|length| length.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let (status, told) = state.answer(&head, &body);
    let told = told.to_string();
    let length = told.len();
    let answer = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{told}"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

impl ProviderState {
    fn answer(&self, head: &str, body: &str) -> (u16, Value) {
        let address = &self.address;
        let line = head.lines().next().unwrap_or_default();
        match line.split(' ').nth(1).unwrap_or_default() {
            "/keys" => (200, self.published.clone()),
            "/.well-known/openid-configuration" => {
                let published = json!({
                    "issuer": *self.name.lock(), "authorization_endpoint": format!("{address}/authorize?tenant=7"),
                    "token_endpoint": format!("{address}/token"), "jwks_uri": format!("{address}/keys"),
                });
                (200, published)
            }
            "/token" if line.starts_with("POST ") => match self.exchange(head, body) {
                Ok(token) => (
                    200,
                    json!({"id_token": token, "token_type": "Bearer", "access_token": "a"}),
                ),
                Err(error) => (400, json!({"error": error})),
            },
            _ => (404, json!({})),
        }
    }

    fn exchange(&self, head: &str, body: &str) -> Result<String, &'static str> {
        self.exchanges.fetch_add(1, Ordering::SeqCst);
        let pair = format!("{CLIENT}:{}", "a%20secret%20%26%20more");
        let basic = format!("Basic {}", STANDARD.encode(pair));
        if header(head, "authorization") != Some(&basic) {
            return Err("invalid_client");
        }
        let form = Url::parse(&format!("http://form/?{body}")).unwrap();
        let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
        if form["grant_type"] != "authorization_code" || form["redirect_uri"] != REDIRECT {
            return Err("invalid_request");
        }
        let issued = self.codes.lock().remove(&form["code"]);
        let issued = issued.ok_or("invalid_grant")?;
        let challenge = BASE64.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
        if challenge != issued.page.challenge {
            return Err("invalid_grant");
        }
        Ok(self.id_token(&issued))
    }

    fn id_token(&self, issued: &IssuedCode) -> String {
        let now = SystemClock.now() / 1000;
        let claims = json!({
            "iss": self.address, "aud": CLIENT, "sub": issued.person, "nonce": issued.page.nonce, "iat": now,
            "exp": now + 60, "groups": ["writers", "unknown"], "dept": "north",
        });
        let mut claims: Map<String, Value> = serde_json::from_value(claims).unwrap();
        match &*self.change.lock() {
            Some((name, Value::Null)) => drop(claims.remove(name)),
            Some((name, value)) => drop(claims.insert(name.clone(), value.clone())),
            None => {}
        }
        let part = |json: &Value| BASE64.encode(json.to_string());
        let head = json!({"alg": "ES256", "kid": "k", "typ": "JWT"});
        let signed = format!("{}.{}", part(&head), part(&Value::Object(claims)));
        let signature = self
            .key
            .lock()
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", BASE64.encode(signature))
    }
}
