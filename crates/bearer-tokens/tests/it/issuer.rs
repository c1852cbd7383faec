//! An issuer: keys of every kind, a server that publishes them, and tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bearer_tokens::{IssuerConfig, TokenBearer, TokenFault, TrustedIssuers};
use outbound::{OutboundClient, OutboundConfig};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256,
    },
};
use runtime::clock::ManualClock;
use serde_json::{Value, json};
use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

/// Unix milliseconds at which the tests are.
pub const NOW: i64 = 1_900_000_000_000;
pub const ISSUER: &str = "https://id.example.org";

pub enum SigningKey {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(rsa::KeyPair),
}

impl SigningKey {
    pub fn ec() -> Self {
        let (how, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(how, key.as_ref(), &random).unwrap())
    }

    pub fn ed() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    pub fn rsa() -> Self {
        let mut make = Command::new("openssl");
        let made = make.args(["genpkey", "-algorithm", "RSA", "-outform", "DER"]);
        let made = made
            .args(["-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .unwrap();
        // Versions of it differ in the form.
        let (plain, wrapped) = (rsa::KeyPair::from_der, rsa::KeyPair::from_pkcs8);
        Self::Rsa(
            plain(&made.stdout)
                .or_else(|_| wrapped(&made.stdout))
                .unwrap(),
        )
    }

    /// As it is published.
    pub fn published(&self, id: &str) -> Value {
        let encoded = |bytes: &[u8]| BASE64.encode(bytes);
        match self {
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": encoded(x), "y": encoded(y)})
            }
            Self::Ed(key) => {
                let x = encoded(key.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
            }
            Self::Rsa(key) => {
                let parts = rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": id, "n": encoded(&parts.n), "e": encoded(&parts.e)})
            }
        }
    }

    fn sign(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(key) => key.sign(&random, signed).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(signed).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let how: &dyn ring::signature::RsaEncoding = match algorithm {
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                key.sign(how, &random, signed, &mut signature).unwrap();
                signature
            }
        }
    }

    pub fn token(&self, head: &Value, claims: &Value) -> String {
        let signed = unsigned(head, claims);
        let algorithm = head["alg"].as_str().unwrap();
        let signature = self.sign(algorithm, signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

pub fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |json: &Value| BASE64.encode(json.to_string());
    format!("{}.{}", part(head), part(claims))
}

pub fn head(algorithm: &str, key: &str) -> Value {
    json!({"alg": algorithm, "typ": "JWT", "kid": key})
}

/// Of somebody who may.
pub fn claims() -> Value {
    let now = NOW / 1000;
    json!({
        "iss": ISSUER, "aud": ["other", "consign"], "sub": "alice", "exp": now + 600, "nbf": now - 5, "iat": now - 5,
        "realm": {"roles": ["shop-admin", "unknown", 7]}, "dept": "north",
    })
}

/// With some of them changed; null: without it.
pub fn changed(changes: Value) -> Value {
    let mut all = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

/// A server of keys.
pub struct KeyServer {
    pub address: String,
    asked: Arc<AtomicUsize>,
    keys: Arc<Mutex<Option<Value>>>,
    /// Whoever asks is answered while this is true.
    answers: watch::Sender<bool>,
}

impl KeyServer {
    pub async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let (asked, keys) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(Some(json!({"keys": keys})))),
        );
        let (count, published) = (asked.clone(), keys.clone());
        let answers = watch::Sender::new(true);
        let mut open = answers.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                open.wait_for(|open| *open).await.unwrap();
                let (status, body) = match &*published.lock() {
                    Some(keys) => ("200 OK", keys.to_string()),
                    None => ("503 Service Unavailable", String::new()),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            address,
            asked,
            keys,
            answers,
        }
    }

    /// Whoever asks waits from now on.
    pub fn hold(&self) {
        self.answers.send_replace(false);
    }

    pub fn let_go(&self) {
        self.answers.send_replace(true);
    }

    /// How many times keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn publish(&self, keys: Vec<Value>) {
        *self.keys.lock() = Some(json!({"keys": keys}));
    }

    pub fn fail(&self) {
        *self.keys.lock() = None;
    }
}

/// A deployment that believes the issuer.
pub struct Deployment {
    pub server: KeyServer,
    pub clock: Arc<ManualClock>,
    pub trusted: TrustedIssuers,
}

pub fn config(address: &str, algorithms: &[&str]) -> IssuerConfig {
    let config = json!({
        "name": "corporate", "issuer": ISSUER, "keys": address, "audiences": ["consign"], "algorithms": algorithms,
        "groups": "/realm/roles", "profiles": {"shop-admin": ["admin", "default"]}, "default_profiles": ["default"],
        "attributes": {"department": "/dept", "floor": "/floor"},
    });
    serde_json::from_value(config).unwrap()
}

pub fn http() -> OutboundClient {
    OutboundClient::new(&OutboundConfig {
        allowed_networks: vec!["127.0.0.1".into()],
        plain_hosts: vec!["127.0.0.1".into()],
        timeout_seconds: 5,
        ..OutboundConfig::default()
    })
    .unwrap()
}

impl Deployment {
    pub async fn start(keys: Vec<Value>, algorithms: &[&str]) -> Self {
        let server = KeyServer::start(keys).await;
        let clock = Arc::new(ManualClock::at(NOW));
        let configs = [config(&server.address, algorithms)];
        let trusted = TrustedIssuers::new(&configs, &http(), clock.clone()).unwrap();
        Self {
            server,
            clock,
            trusted,
        }
    }

    pub async fn verify(&self, token: &str) -> Result<TokenBearer, TokenFault> {
        self.trusted.verify(token).await
    }
}
