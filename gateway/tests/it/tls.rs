//! TLS that ends in the gateway: what is spoken, what is refused, and a certificate that is renewed
//! under open connections.

mod client_certificates;

use crate::harness::{App, Builder};
use futures::{SinkExt, StreamExt};
use gateway::{
    CertificateError, Config, GatewayError,
    config::{Security, TlsEnd},
};
use rcgen::{CertificateParams, Issuer, KeyPair};
use reqwest::tls::Version;
use serde_json::{Value, json};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use tokio_tungstenite::{client_async, tungstenite::Message};

const PATIENCE: Duration = Duration::from_secs(30);
const YEAR: i64 = 365 * 86_400;

/// An authority, and the files of a gateway's certificate.
struct Certificates {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    authority: String,
}

impl Certificates {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap().pem();
        let certificates = Self {
            folder: tempfile::tempdir().unwrap(),
            issuer: Issuer::new(params, key),
            authority,
        };
        certificates.issue(YEAR);
        certificates
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// A new key and certificate, good for so many seconds from now on, in the same files.
    fn issue(&self, seconds: i64) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let now = time::OffsetDateTime::now_utc();
        params.not_before = now - time::Duration::days(30);
        params.not_after = now + time::Duration::seconds(seconds);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.key(), key.serialize_pem()).unwrap();
        fs::set_permissions(self.key(), Permissions::from_mode(0o600)).unwrap();
        fs::write(self.certificate(), certificate.pem()).unwrap();
        certificate.der().clone()
    }

    fn config(&self) -> Config {
        Config {
            security: Security {
                tls: TlsEnd::Own,
                certificate: Some(self.certificate()),
                key: Some(self.key()),
                ..Security::default()
            },
            ..Config::default()
        }
    }

    async fn start(&self) -> App {
        self.start_with(self.config()).await
    }

    async fn start_with(&self, config: Config) -> App {
        let builder = Builder {
            config,
            over_tls: Some(self.authority.clone()),
            ..Builder::default()
        };
        builder.start().await
    }

    /// Why a gateway does not start.
    async fn refusal(&self, config: Config) -> CertificateError {
        let app = crate::harness::log_only().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_trigger, shutdown) = runtime::Shutdown::manual();
        let run = gateway::run(config, listener, app.ports(), shutdown);
        match timeout(PATIENCE, run).await.unwrap().unwrap_err() {
            GatewayError::Certificate(why) => why,
            other => panic!("{other}"),
        }
    }

    async fn connect(&self, app: &App, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(app.address).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain[0].clone().into_owned()
}

/// One request on an open connection; the head and body of the answer.
async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 16 << 10];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await.unwrap();
    answer.truncate(read.unwrap());
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn requests_are_answered_over_both_versions_and_browsers_are_told_to_stay() {
    let certificates = Certificates::new();
    let app = certificates.start().await;
    app.cities().await;
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let root = reqwest::Certificate::from_pem(certificates.authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .add_root_certificate(root)
            .min_tls_version(version)
            .max_tls_version(version)
            .build()
            .unwrap();
        let body =
            json!({"index": "geo", "collection": "cities", "body": {"text": "x".repeat(200_000)}});
        let url = app.url("/v1/operations/document.create");
        let request = client.post(url).header("prefer", "wait=10").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }
    let mut offered = certificates
        .connect(&app, &["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(offered.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(
        ask(&mut offered, "/healthz")
            .await
            .starts_with("HTTP/1.1 200")
    );
    certificates.connect(&app, &["h2"]).await.unwrap_err();
}

#[tokio::test]
async fn messages_of_any_size_cross_a_websocket() {
    let certificates = Certificates::new();
    let app = certificates.start().await;
    let stream = certificates.connect(&app, &[]).await.unwrap();
    let url = format!("wss://{}/", app.address);
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    // More at once than a TLS session holds, and more than a socket takes.
    let sizes = [
        1, 16_000, 17_000, 300_000, 100, 900_000, 900_000, 900_000, 10,
    ];
    for (n, size) in sizes.into_iter().enumerate() {
        let text = json!({
            "controller": "server", "action": "now", "requestId": n.to_string(),
            "volatile": {"text": "y".repeat(size)},
        });
        socket.send(Message::text(text.to_string())).await.unwrap();
    }
    let mut answered = vec![0; sizes.len()];
    for _ in sizes {
        let message = timeout(PATIENCE, socket.next())
            .await
            .expect("nothing came");
        let answer: Value =
            serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap();
        let n: usize = answer["requestId"].as_str().unwrap().parse().unwrap();
        answered[n] = answer["volatile"]["text"].as_str().unwrap().len();
    }
    assert_eq!(answered, sizes);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = timeout(PATIENCE, socket.next()).await.unwrap() {}
}

#[tokio::test]
async fn what_is_no_tls_is_told_so_and_what_is_slow_is_let_go() {
    let certificates = Certificates::new();
    let config = Config {
        header_timeout_seconds: 1,
        ..certificates.config()
    };
    let app = certificates.start_with(config).await;
    let plain = format!("http://{}/v1/collections", app.address);
    let answer = reqwest::get(plain).await.unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("https://"), "{problem:#}");

    let mut silent = TcpStream::connect(app.address).await.unwrap();
    let mut begun = TcpStream::connect(app.address).await.unwrap();
    begun.write_all(&[0x16, 3, 1]).await.unwrap();
    for stream in [&mut silent, &mut begun] {
        let ended = timeout(PATIENCE, stream.read(&mut [0; 16])).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_cut() {
    let certificates = Certificates::new();
    let app = certificates.start().await;
    let mut kept = certificates.connect(&app, &[]).await.unwrap();
    let first = shown(&kept);
    // Neither half a renewal nor an expired one takes the place of what is good.
    let expired = certificates.issue(-60);
    let good = certificates.issue(3 * 86_400);
    assert_ne!(first, good);
    let began = Instant::now();
    loop {
        let now = shown(&certificates.connect(&app, &[]).await.unwrap());
        assert_ne!(now, expired);
        if now == good {
            break;
        }
        assert_eq!(now, first);
        assert!(
            began.elapsed() < PATIENCE,
            "the new certificate is not shown"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(ask(&mut kept, "/healthz").await.starts_with("HTTP/1.1 200"));
    let weak = || {
        let report = serde_json::to_value(app.health.report()).unwrap();
        report.to_string().contains("good for 2 days")
    };
    while !weak() {
        assert!(
            began.elapsed() < PATIENCE,
            "a certificate that ends soon is not named"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn files_that_cannot_be_served_keep_a_gateway_from_starting() {
    let certificates = Certificates::new();
    let config = certificates.config();
    let unnamed = Config {
        security: Security {
            tls: TlsEnd::Own,
            ..Security::default()
        },
        ..Config::default()
    };
    let why = certificates.refusal(unnamed).await;
    assert!(matches!(why, CertificateError::NotNamed), "{why}");

    fs::set_permissions(certificates.key(), Permissions::from_mode(0o640)).unwrap();
    let why = certificates.refusal(config.clone()).await;
    assert!(matches!(why, CertificateError::KeyExposed(_)), "{why}");

    certificates.issue(-60);
    let why = certificates.refusal(config.clone()).await;
    assert!(matches!(why, CertificateError::Expired(_)), "{why}");

    certificates.issue(YEAR);
    let other = KeyPair::generate().unwrap().serialize_pem();
    fs::write(certificates.key(), other).unwrap();
    let why = certificates.refusal(config.clone()).await;
    assert!(matches!(why, CertificateError::Unusable { .. }), "{why}");

    fs::write(certificates.key(), "no key").unwrap();
    let why = certificates.refusal(config.clone()).await;
    assert!(
        matches!(
            why,
            CertificateError::Missing {
                what: "private key",
                ..
            }
        ),
        "{why}"
    );

    fs::write(certificates.certificate(), "none").unwrap();
    let why = certificates.refusal(config.clone()).await;
    assert!(
        matches!(
            why,
            CertificateError::Missing {
                what: "certificate",
                ..
            }
        ),
        "{why}"
    );

    fs::remove_file(certificates.certificate()).unwrap();
    let why = certificates.refusal(config).await;
    assert!(matches!(why, CertificateError::Unreadable { .. }), "{why}");
}
