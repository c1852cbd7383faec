//! The certificate that the gateway shows, read from files and read anew when they change: open
//! connections stay as they are. A certificate that cannot be served never replaces one that can.

use super::crypto_provider;
use parking_lot::RwLock;
use prometheus::IntGauge;
use runtime::{Clock, Health, Shutdown, health::Weakened, secret_file::is_open_to_others};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio_rustls::rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tracing::{error, info};
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// So long before its end a certificate is a weakness that `/readyz` names.
const SHORT: Duration = Duration::from_hours(14 * 24);

/// Where the certificate and its key are.
#[derive(Clone, Debug)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error(
        "security.tls = \"own\" needs `security.certificate` and `security.key`, both PEM files"
    )]
    NotNamed,
    #[error(
        "`security.client_certificates` needs security.tls = \"own\": another end of TLS sees them"
    )]
    ClientsElsewhere,
    #[error(
        "`security.client_certificates.principals`: each names a user and one of `uri`, `dns` and `email`"
    )]
    BadPrincipal,
    #[error("{path}: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error("{0} holds a private key that others than its owner can read (chmod 600 mends it)")]
    KeyExposed(PathBuf),
    #[error("{path} holds no {what} in PEM")]
    Missing { path: PathBuf, what: &'static str },
    #[error("the certificate in {certificate} and the key in {key} do not belong together: {why}")]
    Unusable {
        certificate: PathBuf,
        key: PathBuf,
        why: String,
    },
    #[error("the certificate in {0} has expired")]
    Expired(PathBuf),
}

/// What is shown to clients now.
#[derive(Debug)]
pub(crate) struct ServedCertificate {
    files: CertificateFiles,
    current: RwLock<Arc<LoadedCertificate>>,
}

#[derive(Debug)]
struct LoadedCertificate {
    key: Arc<CertifiedKey>,
    /// Unix seconds.
    expires: i64,
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().key.clone())
    }
}

impl ServedCertificate {
    /// # Errors
    /// If the files do not hold a certificate that is good now, with its key.
    pub(crate) fn load(
        files: CertificateFiles,
        clock: &dyn Clock,
    ) -> Result<Self, CertificateError> {
        let loaded = files.load(clock)?;
        Ok(Self {
            files,
            current: RwLock::new(Arc::new(loaded)),
        })
    }

    fn current(&self) -> Arc<LoadedCertificate> {
        self.current.read().clone()
    }

    /// Looks at the files until shutdown, and says how long the certificate is good.
    pub(crate) async fn follow(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        health: Health,
        expiry: IntGauge,
        shutdown: Shutdown,
    ) {
        let mut refused = String::new();
        loop {
            let loaded = self.current();
            expiry.set(loaded.expires);
            health.set_weakened("certificate", self.weakness(&loaded, &*clock));
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.renew(&*clock) {
                Ok(is_renewed) => {
                    refused.clear();
                    if is_renewed {
                        let certificate = self.files.certificate.display();
                        info!(%certificate, "the certificate is renewed");
                    }
                }
                Err(why) if why.to_string() == refused => {}
                Err(why) => {
                    refused = why.to_string();
                    error!(%why, "the certificate is not renewed; the one before is still served");
                }
            }
        }
    }

    /// Did the file change?
    fn renew(&self, clock: &dyn Clock) -> Result<bool, CertificateError> {
        if self.files.chain()? == self.current().key.cert {
            return Ok(false);
        }
        let loaded = self.files.load(clock)?;
        *self.current.write() = Arc::new(loaded);
        Ok(true)
    }

    fn weakness(&self, loaded: &LoadedCertificate, clock: &dyn Clock) -> Vec<Weakened> {
        let left = loaded.expires.saturating_sub(clock.now() / 1_000);
        if left > SHORT.as_secs().cast_signed() {
            return Vec::new();
        }
        vec![Weakened {
            component: "certificate".to_owned(),
            setting: "security.certificate".to_owned(),
            found: format!(
                "a certificate that is good for {} days",
                left.max(0) / 86_400
            ),
            wanted: "a new one in the same file".to_owned(),
            consequence: "clients refuse the connection when it has expired".to_owned(),
        }]
    }
}

impl CertificateFiles {
    fn load(&self, clock: &dyn Clock) -> Result<LoadedCertificate, CertificateError> {
        let unusable = |why: String| CertificateError::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            why,
        };
        let chain = self.chain()?;
        let expires = x509_parser::parse_x509_certificate(&chain[0])
            .map_err(|error| unusable(error.to_string()))?
            .1
            .validity()
            .not_after
            .timestamp();
        if expires <= clock.now() / 1_000 {
            return Err(CertificateError::Expired(self.certificate.clone()));
        }
        let key = CertifiedKey::from_der(chain, self.private_key()?, &crypto_provider());
        Ok(LoadedCertificate {
            key: Arc::new(key.map_err(|error| unusable(error.to_string()))?),
            expires,
        })
    }

    /// The certificate, and those between it and an authority.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        let path = &self.certificate;
        let text = fs::read(path).map_err(|error| unreadable_file(path, &error))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|error| unreadable_file(path, &error))?;
        if chain.is_empty() {
            return Err(missing_part(path, "certificate"));
        }
        Ok(chain)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, CertificateError> {
        let path = &self.key;
        let is_exposed = is_open_to_others(path);
        if is_exposed.map_err(|error| unreadable_file(path, &error))? {
            return Err(CertificateError::KeyExposed(path.clone()));
        }
        let text = Zeroizing::new(fs::read(path).map_err(|error| unreadable_file(path, &error))?);
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| missing_part(path, "private key"))
    }
}

fn unreadable_file(path: &Path, error: &impl ToString) -> CertificateError {
    CertificateError::Unreadable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}

fn missing_part(path: &Path, what: &'static str) -> CertificateError {
    CertificateError::Missing {
        path: path.to_owned(),
        what,
    }
}
