//! What servers with security on stand on: an authority, a certificate for this machine, users with
//! their passwords. Made anew for each use; nothing of it is secret.

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Where the servers' certificate says that they are: by address, not by name.
const ADDRESS: &str = "127.0.0.1";
/// Kafka's own user, who may do all.
pub const BROKER: &str = "broker";

/// A user, and his password, which is made of the name.
#[must_use]
pub fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// A folder as `servers/servers` takes it, deleted when dropped.
#[derive(Debug)]
pub struct SecuredFolder(TempDir);

impl SecuredFolder {
    /// For these users. The roles of Elasticsearch are those of `roles.yml`, a role for each user, of
    /// the same name.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn make(users: &[&str], roles: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("consign-secured-")
            .tempdir()?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?; // Elasticsearch runs as another user
        let (issuer, authority_pem) = authority()?;
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![ADDRESS.to_owned()])?.signed_by(&key, &issuer)?;
        let all = users.iter().chain([&BROKER]);
        let kafka: String = all
            .map(|user| format!("{user} {}\n", password(user)))
            .collect();
        let elasticsearch: String = users
            .iter()
            .map(|user| format!("{user} {} {user}\n", password(user)))
            .collect();
        for (name, text) in [
            ("ca.pem", authority_pem),
            ("server.pem", certificate.pem()),
            ("server.key", key.serialize_pem()),
            ("kafka-users", kafka),
            ("elasticsearch-users", elasticsearch),
            ("roles.yml", roles.to_owned()),
            ("stranger.pem", authority()?.1),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        Ok(Self(folder))
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The authority that signed the servers' certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.path().join("ca.pem")
    }

    /// An authority that did not.
    #[must_use]
    pub fn stranger(&self) -> PathBuf {
        self.path().join("stranger.pem")
    }
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "an authority of tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}
