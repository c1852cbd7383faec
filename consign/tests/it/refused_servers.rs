//! Servers whose certificate is not theirs, or not valid any more: told as a refusal with its reason,
//! by `consign doctor`, and never as an outage.

use crate::pipeline::consign;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::Value;
use std::{fs, io::Read, net::TcpListener, path::Path, sync::Arc, thread};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn make(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Who signs for another has another name.
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// The address of a server that shows a certificate of this authority, until the process ends.
    fn serve(&self, params: CertificateParams) -> String {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let config = config.clone();
                thread::spawn(move || {
                    let (mut stream, mut tls) = (stream, ServerConnection::new(config).unwrap());
                    // Whoever believes the certificate is left waiting for an answer.
                    if tls.complete_io(&mut stream).is_ok() {
                        _ = rustls::Stream::new(&mut tls, &mut stream).read_to_end(&mut Vec::new());
                    }
                });
            }
        });
        address
    }
}

fn of_name(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

/// What the doctor finds of all three, where each shows the same certificate.
fn examine(address: &str, folder: &Path) -> Value {
    let url = format!("https://{address}");
    let mut command = consign(&["doctor", "--json", "--patience", "1"], folder);
    let output = command
        .envs([
            ("CONSIGN_LOG_KIND", "kafka"),
            ("CONSIGN_RECORD_KIND", "cassandra"),
            ("CONSIGN_VIEW_KIND", "elasticsearch"),
            ("CONSIGN_KAFKA_BROKERS", address),
            ("CONSIGN_KAFKA_PROPERTIES_SECURITY_PROTOCOL", "ssl"),
            ("CONSIGN_KAFKA_PROPERTIES_SSL_CA_LOCATION", "ca.pem"),
            ("CONSIGN_CASSANDRA_NODES", address),
            ("CONSIGN_CASSANDRA_KEYSPACE", "consign"),
            ("CONSIGN_CASSANDRA_TLS", "true"),
            ("CONSIGN_CASSANDRA_CERTIFICATE_AUTHORITY", "ca.pem"),
            ("CONSIGN_ELASTICSEARCH_URLS", &url),
            ("CONSIGN_ELASTICSEARCH_CERTIFICATE_AUTHORITY", "ca.pem"),
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    })
}

#[test]
fn certificates_that_are_refused_are_told_from_servers_that_are_away() {
    let (known, stranger) = (Authority::make("known"), Authority::make("stranger"));
    let mut expired = of_name("127.0.0.1");
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let cases = [
        (known.serve(expired), ["verify", "expired", "expired"]),
        (
            known.serve(of_name("elsewhere.example")),
            ["verify", "mismatch", "not valid for name"],
        ),
        (
            stranger.serve(of_name("127.0.0.1")),
            ["verify", "issuer", "UnknownIssuer"],
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), &known.pem).unwrap();
    for (address, reasons) in cases {
        let told = examine(&address, folder.path());
        let findings = told["findings"].as_array().unwrap();
        for (server, reason) in ["kafka", "cassandra", "elasticsearch"].iter().zip(reasons) {
            let finding = findings.iter().find(|finding| finding["about"] == *server);
            let finding = finding.unwrap_or_else(|| panic!("{server}: {told:#}"));
            let text = finding.to_string();
            assert_eq!(finding["state"], "missing", "{server}: {told:#}");
            assert!(
                text.contains(reason),
                "{server} does not say {reason}: {text}"
            );
        }
    }
    // A server that is away is no refusal.
    let away = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let told = examine(&away.to_string(), folder.path());
    let findings = told["findings"].as_array().unwrap();
    for server in ["kafka", "cassandra", "elasticsearch"] {
        let of = |finding: &&Value| finding["about"] == server;
        assert_eq!(
            findings.iter().find(of).unwrap()["state"],
            "out_of_reach",
            "{told:#}"
        );
    }
}
