//! TLS to the nodes: which authorities are believed, and whether a certificate must name the node's
//! address. Must never accept a certificate whose chain does not hold.

use crate::config::Config;
use openssl::{
    error::ErrorStack,
    ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode},
    x509::X509,
};
use scylla::client::session::OpenSsl010Config;

/// `X509_V_ERR_IP_ADDRESS_MISMATCH` of OpenSSL's `x509_vfy.h`.
const ADDRESS_MISMATCH: i32 = 64;

/// Makes OpenSSL ready, once for the process. Whoever does so first says whether OpenSSL is taken down
/// at exit, under threads that still use it: it is not, so this comes before any other user of it.
pub fn make_ready() {
    openssl::init();
}

/// What the driver makes its connections with.
///
/// # Errors
/// If the authorities cannot be read.
pub(crate) fn client_config(config: &Config) -> Result<OpenSsl010Config, String> {
    let builder = tls_connector(config).map_err(|e| format!("the certificate authority: {e}"))?;
    Ok(OpenSsl010Config::new(builder))
}

/// The connector's own defaults: TLS 1.2 and later, certificates verified, the system's authorities.
fn tls_connector(config: &Config) -> Result<SslConnectorBuilder, ErrorStack> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    if let Some(pem) = &config.certificate_authority {
        for authority in X509::stack_from_pem(pem.as_bytes())? {
            builder.cert_store_mut().add_cert(authority)?;
        }
    }
    if !config.verify_address {
        // The chain and the times are judged by OpenSSL as ever.
        builder.set_verify_callback(SslVerifyMode::PEER, |holds, judged| {
            holds || judged.error().as_raw() == ADDRESS_MISMATCH
        });
    }
    Ok(builder)
}
