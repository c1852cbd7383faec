//! Whose certificate is believed.

use crate::server::{serve, text};
use outbound::{OutboundClient, OutboundConfig, OutboundError, OutboundRequest};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

fn authority() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), certificate)
}

/// A server whose certificate is for `name`; its port.
async fn server(issuer: &Issuer<'static, KeyPair>, name: &str) -> u16 {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, text("hello").into_bytes()).await;
            }
        }
    });
    port
}

async fn get(authority: Option<String>, port: u16) -> Result<String, OutboundError> {
    let config = OutboundConfig {
        allowed_networks: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
        certificate_authority: authority,
        ..OutboundConfig::default()
    };
    let client = OutboundClient::new(&config).unwrap();
    let url = format!("https://localhost:{port}/");
    let answer = client.send(OutboundRequest::get(url)).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn a_certificate_must_be_of_a_known_authority_and_of_the_host() {
    let ((issuer, ours), (_, theirs)) = (authority(), authority());
    let (right, other) = (
        server(&issuer, "localhost").await,
        server(&issuer, "other.test").await,
    );
    assert_eq!(get(Some(ours.clone()), right).await, Ok("hello".to_owned()));
    let folder = std::env::temp_dir().join(format!("outbound-{}.pem", std::process::id()));
    std::fs::write(&folder, &ours).unwrap();
    let file = folder.display().to_string();
    assert_eq!(get(Some(file), right).await, Ok("hello".to_owned()));
    std::fs::remove_file(&folder).unwrap();
    for (authority, port) in [(None, right), (Some(theirs), right), (Some(ours), other)] {
        let asked = get(authority, port).await.unwrap_err();
        assert!(
            matches!(&asked, OutboundError::Failed(why) if why.contains("certificate")),
            "{asked:?}"
        );
    }
}
