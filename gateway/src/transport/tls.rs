//! TLS at the gateway's own listener: handshakes, bounded in number and in time. It must never hand
//! on a connection whose handshake is not finished, and never speaks HTTP.

pub(crate) mod certificate;
pub(crate) mod client_certificate;
pub(crate) mod socket;

use crate::config::ClientCertificates;
use certificate::{CertificateError, ServedCertificate};
use client_certificate::client_verifier;
use std::{io, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::CryptoProvider, crypto::ring, version},
    server::TlsStream,
};

/// Handshakes are work of the processor: more at once make each of them late.
const HANDSHAKES_AT_ONCE: usize = 64;
/// The first byte of a TLS record that opens a handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 0x16;

/// Takes connections over TLS 1.2 and 1.3, for HTTP/1.1 alone.
pub(crate) struct TlsEndpoint {
    acceptor: TlsAcceptor,
    handshakes: Semaphore,
    patience: Duration,
    pub(crate) certificate: Arc<ServedCertificate>,
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    /// What the client sends is no TLS; perhaps plain HTTP.
    #[error("the client does not speak TLS")]
    Plain(TcpStream),
    #[error("the handshake took too long")]
    Late,
    #[error(transparent)]
    Failed(#[from] io::Error),
}

impl TlsEndpoint {
    /// `clients`: whose certificates are asked for; `patience`: how long a handshake may take, the
    /// wait for its turn included.
    ///
    /// # Errors
    /// If the authorities of clients cannot be read.
    pub(crate) fn new(
        certificate: ServedCertificate,
        clients: Option<&ClientCertificates>,
        patience: Duration,
    ) -> Result<Self, CertificateError> {
        let certificate = Arc::new(certificate);
        let builder = ServerConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("the provider knows both versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(client_verifier(clients)?),
        };
        let mut config = builder.with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: Semaphore::new(HANDSHAKES_AT_ONCE),
            patience,
            certificate,
        })
    }

    /// # Errors
    /// If the client speaks something else, is slow, or does not take what is offered.
    pub(crate) async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeFailure> {
        timeout(self.patience, self.shake(stream))
            .await
            .unwrap_or(Err(HandshakeFailure::Late))
    }

    async fn shake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, HandshakeFailure> {
        // A client that sends nothing takes no place from others.
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
            return Err(HandshakeFailure::Plain(stream));
        }
        let turn = self.handshakes.acquire().await;
        let _turn = turn.expect("the semaphore is never closed");
        Ok(self.acceptor.accept(stream).await?)
    }
}

/// The one implementation of the algorithms that is built in.
fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
