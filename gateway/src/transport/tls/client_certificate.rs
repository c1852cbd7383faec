//! Certificates that clients show: which authorities made them is looked at in the handshake, whom one
//! stands for by the names in it and the table of the settings. It must never look at the subject:
//! only alternative names say who it is (RFC 9525).

use super::{certificate::CertificateError, crypto_provider};
use crate::config::{CertificatePrincipal, ClientCertificates};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, fs, path::Path, sync::Arc};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::extensions::GeneralName;

/// What a connection's certificate says; in the extensions of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownCertificate {
    /// The one user that its names stand for, if there is one.
    pub user: Option<String>,
    /// SHA-256 of all of it.
    pub fingerprint: [u8; 32],
    /// Unix milliseconds.
    pub valid_from: i64,
    pub valid_until: i64,
}

/// Believes what these authorities made.
///
/// # Errors
/// If there is no authority in the file.
pub(super) fn client_verifier(
    settings: &ClientCertificates,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let path = &settings.authority;
    let unreadable = |why: String| CertificateError::Unreadable {
        path: path.clone(),
        why,
    };
    let roots = authorities(path, unreadable)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto_provider());
    let builder = if settings.required {
        builder
    } else {
        builder.allow_unauthenticated()
    };
    builder
        .build()
        .map_err(|error| unreadable(error.to_string()))
}

fn authorities(
    path: &Path,
    unreadable: impl Fn(String) -> CertificateError,
) -> Result<RootCertStore, CertificateError> {
    let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&text) {
        let authority = authority.map_err(|error| unreadable(error.to_string()))?;
        let added = roots.add(authority);
        added.map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unreadable("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

impl ShownCertificate {
    /// Stands for no user at any time.
    pub(crate) fn of_nobody() -> Self {
        Self {
            user: None,
            fingerprint: [0; 32],
            valid_from: 0,
            valid_until: 0,
        }
    }

    /// Of one that the handshake believed; none, if it cannot be read.
    pub(crate) fn read(certificate: &[u8], principals: &[CertificatePrincipal]) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let names = parsed.subject_alternative_name().ok()?;
        let names = names.map(|names| names.value.general_names.as_slice());
        let validity = parsed.validity();
        Some(Self {
            user: user_of_names(names.unwrap_or_default(), principals),
            fingerprint: Sha256::digest(certificate).into(),
            valid_from: validity.not_before.timestamp().saturating_mul(1000),
            valid_until: validity.not_after.timestamp().saturating_mul(1000),
        })
    }
}

/// Names that stand for two users stand for none.
fn user_of_names(names: &[GeneralName<'_>], principals: &[CertificatePrincipal]) -> Option<String> {
    let stands_for = |row: &CertificatePrincipal, name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => row.uri.as_deref() == Some(*uri),
        GeneralName::DNSName(name) => {
            let wanted = row.dns.as_deref();
            wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case(name))
        }
        GeneralName::RFC822Name(mail) => row.email.as_deref() == Some(*mail),
        _ => false,
    };
    let rows = principals
        .iter()
        .filter(|row| names.iter().any(|name| stands_for(row, name)));
    let users: BTreeSet<&str> = rows.map(|row| row.user.as_str()).collect();
    match Vec::from_iter(users)[..] {
        [user] => Some(user.to_owned()),
        _ => None,
    }
}
