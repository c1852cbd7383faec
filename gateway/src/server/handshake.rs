//! From an accepted connection to one that requests are read from: at once, or behind a TLS
//! handshake. It must never let plain HTTP in where TLS is asked for.

use super::bare_problem;
use crate::{
    GatewayError,
    access::cookie::is_of_foreign_page,
    app::App,
    config::{CertificatePrincipal, Config, Security, TlsEnd},
    error::{Code, Problem},
    transport::{
        ClientSocket,
        tls::{
            HandshakeFailure, TlsEndpoint,
            certificate::{CertificateError, CertificateFiles, ServedCertificate},
            client_certificate::ShownCertificate,
        },
    },
};
use http::Request;
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};
use tokio_util::either::Either;
use tracing::debug;

/// How long a client that does not speak TLS may take to read that it must.
const HINT_PATIENCE: Duration = Duration::from_secs(2);

/// Where TLS ends, if that is in this process.
///
/// # Errors
/// If there is no certificate that can be served.
pub(super) fn tls_endpoint(
    config: &Config,
    clock: &dyn Clock,
) -> Result<Option<TlsEndpoint>, GatewayError> {
    let clients = config.security.client_certificates.as_ref();
    if config.security.tls != TlsEnd::Own {
        return match clients {
            None => Ok(None),
            Some(_) => Err(CertificateError::ClientsElsewhere.into()),
        };
    }
    let mut principals = clients.into_iter().flat_map(|clients| &clients.principals);
    if !principals.all(CertificatePrincipal::is_plain) {
        return Err(CertificateError::BadPrincipal.into());
    }
    let certificate = ServedCertificate::load(certificate_files(&config.security)?, clock)?;
    let endpoint = TlsEndpoint::new(certificate, clients, config.header_timeout())?;
    Ok(Some(endpoint))
}

/// The certificate that a client showed in its handshake.
pub(super) fn shown_certificate(app: &App, socket: &ClientSocket) -> Option<Arc<ShownCertificate>> {
    let clients = app.config.security.client_certificates.as_ref()?;
    let Either::Right(stream) = socket else {
        return None;
    };
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    // One that cannot be read stands for nobody; it is not none.
    let shown = ShownCertificate::read(certificate, &clients.principals);
    Some(Arc::new(shown.unwrap_or_else(ShownCertificate::of_nobody)))
}

/// What a connection's certificate is to one of its requests. A browser shows it for every page: for one
/// that may not act as its user it stands for nobody.
pub(super) fn certificate_of_request<B>(
    app: &App,
    shown: &Arc<ShownCertificate>,
    request: &Request<B>,
) -> Arc<ShownCertificate> {
    if is_of_foreign_page(&app.origins, request.headers(), request.uri()) {
        Arc::new(ShownCertificate::of_nobody())
    } else {
        shown.clone()
    }
}

fn certificate_files(security: &Security) -> Result<CertificateFiles, CertificateError> {
    match (&security.certificate, &security.key) {
        (Some(certificate), Some(key)) => Ok(CertificateFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        _ => Err(CertificateError::NotNamed),
    }
}

/// None: nothing can be asked on this connection.
pub(super) async fn finish_handshake(
    app: &App,
    endpoint: Option<&TlsEndpoint>,
    stream: TcpStream,
) -> Option<ClientSocket> {
    let Some(endpoint) = endpoint else {
        return Some(Either::Left(stream));
    };
    match endpoint.handshake(stream).await {
        Ok(stream) => Some(Either::Right(Box::new(stream))),
        Err(failure) => {
            app.metrics.failed_handshakes.inc();
            debug!(%failure, "a TLS handshake failed");
            if let HandshakeFailure::Plain(stream) = failure {
                hint_tls(stream).await;
            }
            None
        }
    }
}

/// What speaks plain HTTP is told what to do instead.
async fn hint_tls(mut stream: TcpStream) {
    let problem = Problem::new(
        Code::BadRequest,
        "this address speaks TLS: begin the URL with https:// or wss://",
    );
    let answer = bare_problem(&problem);
    let told = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    };
    if timeout(HINT_PATIENCE, told).await.is_err() {
        debug!("a client that does not speak TLS does not read, either");
    }
}
