//! The file of signing keys, read when a gateway starts and again when its process gets SIGHUP. It must
//! never be printed.

use crate::StandaloneError;
use event_schema::signing::Keyring;
use runtime::Shutdown;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// Goes by the keys of the file.
pub fn load_signing_keys(file: &Path, keys: &Keyring) -> Result<(), StandaloneError> {
    let text = read_private_file(file)?;
    keys.list_signing_keys(&text)
        .map_err(|error| refused_file(file, error))
}

/// The text of a file that its owner alone may read.
pub fn read_private_file(file: &Path) -> Result<String, StandaloneError> {
    let metadata = fs::metadata(file).map_err(|error| refused_file(file, error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let why = format!(
            "others on this machine can read it: chmod 600 {}",
            file.display()
        );
        return Err(refused_file(file, why));
    }
    fs::read_to_string(file).map_err(|error| refused_file(file, error))
}

/// Reads it again at each SIGHUP, until shutdown. What cannot be read changes nothing.
pub async fn follow_signing_keys(file: PathBuf, keys: Keyring, shutdown: Shutdown) {
    let mut hang_ups = match signal(SignalKind::hangup()) {
        Ok(hang_ups) => hang_ups,
        Err(error) => return warn!(%error, "SIGHUP cannot be handled"),
    };
    loop {
        tokio::select! {
            () = shutdown.soft() => return,
            _ = hang_ups.recv() => {}
        }
        match load_signing_keys(&file, &keys) {
            Ok(()) => info!(
                signer = keys.signer().id(),
                "the signing keys were read again"
            ),
            Err(error) => warn!(%error, "the signing keys stay as they were"),
        }
    }
}

fn refused_file(file: &Path, why: impl ToString) -> StandaloneError {
    StandaloneError::Secret {
        path: file.to_owned(),
        why: why.to_string(),
    }
}
