//! Certificates of clients: whom they stand for, which are refused, and what becomes of one that is
//! taken away.

use super::{Certificates, PATIENCE};
use crate::{
    harness::App,
    security::{PASSWORD, allow, answer, close, login, ok, refused, with},
};
use futures::{SinkExt, StreamExt};
use gateway::{
    CertificateError, Config,
    config::{CertificatePrincipal, ClientCertificates, Security, TlsEnd},
};
use rcgen::{CertificateParams, Issuer, KeyPair, SanType};
use serde_json::{Value, json};
use std::{fs, time::SystemTime};
use time::OffsetDateTime;
use tokio::time::timeout;
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_tungstenite::{Connector, connect_async_tls_with_config, tungstenite::Message};

const ROBOT: &str = "spiffe://shop.example.org/robot";
const INVALID: (u16, &str) = (401, "security.token.invalid");
const DAY: i64 = 86_400;

/// An authority of clients.
struct ClientAuthority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Certificate and key, in PEM.
struct ClientIdentity {
    certificate: String,
    key: String,
}

impl ClientAuthority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Good from and until so many seconds from now.
    fn issue(&self, names: Vec<SanType>, (from, until): (i64, i64)) -> ClientIdentity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        let now = OffsetDateTime::now_utc();
        params.not_before = now + time::Duration::seconds(from);
        params.not_after = now + time::Duration::seconds(until);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let key = key.serialize_pem();
        ClientIdentity { certificate, key }
    }

    fn robot(&self) -> ClientIdentity {
        self.issue(vec![uri(ROBOT)], (-DAY, DAY))
    }
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn principal(user: &str) -> CertificatePrincipal {
    CertificatePrincipal {
        uri: None,
        dns: None,
        email: None,
        user: user.to_owned(),
    }
}

/// A gateway with its own certificate, and an authority of clients.
struct Premises {
    own: Certificates,
    clients: ClientAuthority,
}

impl Premises {
    fn new() -> Self {
        Self {
            own: Certificates::new(),
            clients: ClientAuthority::new(),
        }
    }

    fn config(&self, required: bool) -> Config {
        let authority = self.own.folder.path().join("clients.pem");
        fs::write(&authority, &self.clients.pem).unwrap();
        let mut config = self.own.config();
        let principals = vec![
            CertificatePrincipal {
                uri: Some(ROBOT.to_owned()),
                ..principal("robot")
            },
            CertificatePrincipal {
                dns: Some("till.shop.example.org".to_owned()),
                ..principal("till")
            },
            CertificatePrincipal {
                email: Some("robot@shop.example.org".to_owned()),
                ..principal("robot")
            },
        ];
        config.security.client_certificates = Some(ClientCertificates {
            authority,
            required,
            principals,
        });
        config
    }

    /// Closed, with a user `robot` and a user `till` who log in by nothing else; the administrator.
    async fn start(&self) -> (App, String) {
        self.start_with(self.config(false)).await
    }

    async fn start_with(&self, config: Config) -> (App, String) {
        let app = self.own.start_with(config).await;
        let admin = close(&app).await;
        let role = json!({"controllers": {
            "document": allow(&["create", "get"]), "auth": allow(&["*"]), "realtime": allow(&["subscribe"]),
        }});
        ok(&app, "PUT", "/roles/machine", Some(&admin), Some(role)).await;
        let here = json!([{"index": "ix", "collections": ["co"]}]);
        let profile = json!({"policies": [{"roleId": "machine", "restrictedTo": here}]});
        ok(
            &app,
            "PUT",
            "/profiles/machine",
            Some(&admin),
            Some(profile),
        )
        .await;
        for user in ["robot", "till"] {
            let body = json!({"content": {"profileIds": ["machine"]}});
            let path = format!("/users/{user}/_create");
            ok(&app, "POST", &path, Some(&admin), Some(body)).await;
        }
        (app, admin)
    }

    /// A client that shows it, or none.
    fn client(&self, shown: Option<&ClientIdentity>) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.own.authority.as_bytes()).unwrap();
        let builder = reqwest::Client::builder().add_root_certificate(root);
        let builder = match shown {
            None => builder,
            Some(ClientIdentity { certificate, key }) => {
                let pem = format!("{certificate}{key}");
                builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap())
            }
        };
        builder.build().unwrap()
    }

    /// The app as whoever shows this sees it.
    async fn as_client<T>(
        &self,
        app: &mut App,
        shown: &ClientIdentity,
        asks: impl AsyncFnOnce(&App) -> T,
    ) -> T {
        let before = std::mem::replace(&mut app.client, self.client(Some(shown)));
        let told = asks(app).await;
        app.client = before;
        told
    }

    async fn me(&self, app: &mut App, shown: &ClientIdentity) -> (u16, String, Value) {
        let asks = async |app: &App| answer(with(app, "GET", "/_me", None, None)).await;
        self.as_client(app, shown, asks).await
    }
}

fn refusal(told: &(u16, String, Value)) -> (u16, &str) {
    (told.0, &told.1)
}

#[tokio::test]
async fn a_certificate_stands_for_the_user_of_its_name_by_every_door() {
    let premises = Premises::new();
    let (mut app, admin) = premises.start().await;
    let robot = premises.clients.robot();
    let asks = async |app: &App| {
        let me = ok(app, "GET", "/_me", None, None).await;
        assert_eq!(me["_id"], "robot", "{me:#}");
        ok(app, "POST", "/ix/co/a/_create", None, Some(json!({}))).await;
        let forbidden = (403, "security.rights.forbidden");
        let elsewhere = ("POST", "/ix/other/a/_create");
        refused(app, elsewhere, None, Some(json!({})), forbidden).await;
        let found = answer(with(app, "GET", "/v1/documents/ix/co/a", None, None)).await;
        assert_eq!(found.0, 200, "{found:?}");
        let line = json!({"index": "ix", "collection": "co", "body": {}}).to_string();
        let path = "/v1/operations/document.create/_bulk";
        let bulk = app.client.post(app.url(path)).body(line);
        let bulk = bulk.header("content-type", "application/x-ndjson");
        let told = bulk.send().await.unwrap().text().await.unwrap();
        assert!(told.contains(r#""accepted":1,"#), "{told}");
        let found = answer(with(app, "GET", "/v1/documents/ix/other/a", None, None)).await;
        assert_eq!(refusal(&found), (403, "forbidden"));
        let query = json!({"controller": "auth", "action": "getCurrentUser"});
        let me = ok(app, "POST", "/_query", None, Some(query)).await;
        assert_eq!(me["_id"], "robot");
        // A token that is shown is looked at, and goes before it.
        let me = ok(app, "GET", "/_me", Some(&admin), None).await;
        assert_eq!(me["_id"], "root");
        refused(app, ("GET", "/_me"), Some("kauth-x.y.z"), None, INVALID).await;
    };
    premises.as_client(&mut app, &robot, asks).await;
    // By the other kinds of names.
    let mail = SanType::Rfc822Name("robot@shop.example.org".try_into().unwrap());
    let both = vec![mail, uri(ROBOT), uri("spiffe://elsewhere")];
    for (names, user) in [
        (vec![dns("TILL.shop.example.org")], "till"),
        (both, "robot"),
    ] {
        let identity = premises.clients.issue(names, (-DAY, DAY));
        let (_, _, me) = premises.me(&mut app, &identity).await;
        assert_eq!(me["result"]["_id"], user, "{me:#}");
    }
    // Names of nobody, of two, and none: that is no credential of this deployment, and not none.
    let strangers = [
        vec![uri("spiffe://shop.example.org/robot/2")],
        vec![dns("robot@shop.example.org")],
        vec![uri(ROBOT), dns("till.shop.example.org")],
        Vec::new(),
    ];
    for names in strangers {
        let shown = format!("{names:?}");
        let identity = premises.clients.issue(names, (-DAY, DAY));
        let told = premises.me(&mut app, &identity).await;
        assert_eq!(refusal(&told), INVALID, "{shown}");
    }
    // Who shows none is anonymous, or logs in.
    let (_, _, me) = answer(with(&app, "GET", "/_me", None, None)).await;
    assert_eq!(me["result"]["_id"], "-1", "{me:#}");
    login(&app, "root", PASSWORD).await;
}

/// A browser shows its certificate for every page that asks.
#[tokio::test]
async fn a_page_of_another_site_does_not_ask_with_the_certificate_of_its_reader() {
    let premises = Premises::new();
    let mut config = premises.config(false);
    config.allowed_origins = vec!["*".to_owned()];
    let (mut app, _) = premises.start_with(config).await;
    let robot = premises.clients.robot();
    let asks = async |app: &App| {
        let of_page = [
            ("origin", "https://elsewhere.example", None),
            ("sec-fetch-site", "cross-site", None),
            ("sec-fetch-site", "same-site", None),
            ("sec-fetch-site", "same-origin", Some("robot")),
            ("sec-fetch-site", "none", Some("robot")),
        ];
        for (name, value, user) in of_page {
            let request = with(app, "GET", "/_me", None, None).header(name, value);
            let told = answer(request).await;
            match user {
                Some(user) => assert_eq!(told.2["result"]["_id"], user, "{value}: {told:?}"),
                None => assert_eq!(refusal(&told), INVALID, "{value}: {told:?}"),
            }
        }
    };
    premises.as_client(&mut app, &robot, asks).await;
}

#[tokio::test]
async fn what_no_authority_of_clients_made_or_is_not_in_its_time_ends_the_handshake() {
    let premises = Premises::new();
    let (app, _admin) = premises.start().await;
    let other = ClientAuthority::new();
    let refused = [
        ("of another authority", other.robot()),
        ("of the gateway's own authority", {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.subject_alt_names = vec![uri(ROBOT)];
            let certificate = params.signed_by(&key, &premises.own.issuer).unwrap().pem();
            let key = key.serialize_pem();
            ClientIdentity { certificate, key }
        }),
        (
            "expired",
            premises.clients.issue(vec![uri(ROBOT)], (-DAY, -60)),
        ),
        (
            "of tomorrow",
            premises.clients.issue(vec![uri(ROBOT)], (DAY, 2 * DAY)),
        ),
    ];
    for (why, identity) in refused {
        let asked = premises.client(Some(&identity)).get(app.url("/healthz"));
        asked.send().await.expect_err(why);
    }
    // Without any, too, where one is required.
    let there = app.sibling(premises.config(true)).await;
    let url = format!("https://{there}/healthz");
    let robot = premises.client(Some(&premises.clients.robot()));
    let began = SystemTime::now();
    while robot.get(&url).send().await.is_err() {
        assert!(began.elapsed().unwrap() < PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let asked = premises.client(None).get(&url);
    asked.send().await.unwrap_err();
}

#[tokio::test]
async fn one_that_ends_on_an_open_connection_is_not_honoured_any_more() {
    let premises = Premises::new();
    let (mut app, _admin) = premises.start().await;
    let short = premises.clients.issue(vec![uri(ROBOT)], (-DAY, 3));
    let began = SystemTime::now();
    let asks = async |app: &App| {
        ok(app, "GET", "/_me", None, None).await;
        loop {
            let told = answer(with(app, "GET", "/_me", None, None)).await;
            match refusal(&told) {
                (200, _) => {}
                INVALID => return,
                other => panic!("{other:?}"),
            }
            assert!(began.elapsed().unwrap() < PATIENCE);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    premises.as_client(&mut app, &short, asks).await;
}

#[tokio::test]
async fn what_is_taken_from_its_user_is_gone_and_a_later_certificate_counts() {
    let premises = Premises::new();
    let (mut app, admin) = premises.start().await;
    app.notifier("n");
    let robot = premises.clients.robot();
    ok_me(&premises, &mut app, &robot).await;
    let mut socket = subscribed(&premises, &app, &robot).await;
    ok(&app, "DELETE", "/users/robot/tokens", Some(&admin), None).await;
    let told = premises.me(&mut app, &robot).await;
    assert_eq!(refusal(&told), INVALID);
    let told = timeout(PATIENCE, socket.next()).await.unwrap();
    let told = told.unwrap().unwrap();
    assert!(told.to_text().unwrap().contains("TokenExpired"), "{told}");
    // Times in a certificate are whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let later = premises.clients.issue(vec![uri(ROBOT)], (0, DAY));
    ok_me(&premises, &mut app, &later).await;
    ok(&app, "DELETE", "/users/robot", Some(&admin), None).await;
    let told = premises.me(&mut app, &later).await;
    assert_eq!(refusal(&told), INVALID);
}

async fn ok_me(premises: &Premises, app: &mut App, shown: &ClientIdentity) {
    let (status, _, me) = premises.me(app, shown).await;
    assert_eq!(
        (status, &me["result"]["_id"]),
        (200, &json!("robot")),
        "{me:#}"
    );
}

type ClientSocket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A connection that shows it and hears a collection.
async fn subscribed(premises: &Premises, app: &App, shown: &ClientIdentity) -> ClientSocket {
    let mut roots = RootCertStore::empty();
    let authority = premises.own.authority.as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(authority).unwrap())
        .unwrap();
    let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    let url = format!("wss://{}/", app.address);
    let connector = Connector::Rustls(std::sync::Arc::new(config));
    let connecting = connect_async_tls_with_config(url, None, false, Some(connector));
    let (mut socket, _) = connecting.await.unwrap();
    let ask = json!({"controller": "realtime", "action": "subscribe", "index": "ix", "collection": "co", "body": {}});
    socket.send(Message::text(ask.to_string())).await.unwrap();
    let told = timeout(PATIENCE, socket.next()).await.unwrap();
    let told = told.unwrap().unwrap().to_text().unwrap().to_owned();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["status"], 200, "{told:#}");
    socket
}

#[tokio::test]
async fn settings_that_stand_for_nobody_keep_a_gateway_from_starting() {
    let premises = Premises::new();
    let changed = |change: fn(&mut Security)| {
        let mut config = premises.config(false);
        change(&mut config.security);
        config
    };
    let elsewhere = changed(|security| security.tls = TlsEnd::Proxy);
    let why = premises.own.refusal(elsewhere).await;
    assert!(matches!(why, CertificateError::ClientsElsewhere), "{why}");
    let two_names = changed(|security| {
        let clients = security.client_certificates.as_mut().unwrap();
        clients.principals[0].dns = Some("robot.example.org".to_owned());
    });
    let why = premises.own.refusal(two_names).await;
    assert!(matches!(why, CertificateError::BadPrincipal), "{why}");
    let no_authority = changed(|security| {
        let clients = security.client_certificates.as_mut().unwrap();
        fs::write(&clients.authority, "none").unwrap();
    });
    let why = premises.own.refusal(no_authority).await;
    assert!(matches!(why, CertificateError::Unreadable { .. }), "{why}");
}
