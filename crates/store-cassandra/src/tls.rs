//! TLS to the nodes: which authorities are believed, and whether a certificate must name the node's
//! address. Must never accept a certificate whose chain does not hold.

use crate::config::Config;
use openssl::{
    error::ErrorStack,
    ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode},
    x509::X509,
};
use parking_lot::Mutex;
use scylla::client::session::OpenSsl010Config;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// `X509_V_ERR_IP_ADDRESS_MISMATCH` of OpenSSL's `x509_vfy.h`.
const ADDRESS_MISMATCH: i32 = 64;
/// Between two lines of the log for the same reason: the driver tries again and again.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Why the latest certificate of a node was refused: OpenSSL's own error says only that it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedCertificate(Arc<Mutex<Option<(String, Instant)>>>);

impl RefusedCertificate {
    pub fn reason(&self) -> Option<String> {
        self.0.lock().as_ref().map(|(reason, _)| reason.clone())
    }

    fn record(&self, reason: String) {
        let mut latest = self.0.lock();
        let is_new = latest
            .as_ref()
            .is_none_or(|(known, logged)| *known != reason || logged.elapsed() >= LOGGED_EVERY);
        if is_new {
            tracing::error!(target: "cassandra", reason, "the certificate of a node is refused; waiting will not end it");
            *latest = Some((reason, Instant::now()));
        }
    }
}

/// Makes OpenSSL ready, once for the process. Whoever does so first says whether OpenSSL is taken down
/// at exit, under threads that still use it: it is not, so this comes before any other user of it.
pub fn make_ready() {
    openssl::init();
}

/// What the driver makes its connections with.
///
/// # Errors
/// If the authorities cannot be read.
pub(crate) fn client_config(
    config: &Config,
) -> Result<(OpenSsl010Config, RefusedCertificate), String> {
    let refused = RefusedCertificate::default();
    let builder = tls_connector(config, refused.clone());
    let builder = builder.map_err(|e| format!("the certificate authority: {e}"))?;
    Ok((OpenSsl010Config::new(builder), refused))
}

/// The connector's own defaults: TLS 1.2 and later, certificates verified, the system's authorities.
fn tls_connector(
    config: &Config,
    refused: RefusedCertificate,
) -> Result<SslConnectorBuilder, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    if let Some(pem) = &config.certificate_authority {
        for authority in X509::stack_from_pem(pem.as_bytes())? {
            builder.cert_store_mut().add_cert(authority)?;
        }
    }
    let verify_address = config.verify_address;
    // Judged by OpenSSL as ever, but for the address where it need not be named.
    builder.set_verify_callback(SslVerifyMode::PEER, move |holds, judged| {
        let error = judged.error();
        if holds || (!verify_address && error.as_raw() == ADDRESS_MISMATCH) {
            return true;
        }
        refused.record(error.error_string().to_owned());
        false
    });
    Ok(builder)
}
