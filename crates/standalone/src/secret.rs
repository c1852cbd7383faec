//! The secret that signs request ids and tokens: made once, kept in the data folder, readable by
//! its owner only. It must never be printed.

use crate::StandaloneError;
use event_schema::signing::Keyring;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The key's name in ids and tokens.
const KEY: u8 = 1;
/// Fewer bytes can be guessed.
const LEAST: usize = 16;

/// Reads the secret, or makes it where there is none yet.
pub fn load_or_make(path: &Path) -> Result<Keyring, StandaloneError> {
    match load_secret(path) {
        Err(StandaloneError::Secret { .. }) if !path.exists() => {
            make_secret(path).map_err(|error| refused_secret(path, error))?;
            load_secret(path)
        }
        loaded => loaded,
    }
}

/// Reads the secret; surrounding white space is not part of it.
pub fn load_secret(path: &Path) -> Result<Keyring, StandaloneError> {
    let text = fs::read(path).map_err(|error| refused_secret(path, error))?;
    make_keyring(text.trim_ascii()).map_err(|why| refused_secret(path, why))
}

/// A secret as it was given.
pub fn make_keyring(secret: &[u8]) -> Result<Keyring, String> {
    if secret.len() >= LEAST {
        Ok(Keyring::new(KEY, secret))
    } else {
        Err(format!(
            "the secret has {} bytes, {LEAST} are the least; make one: head -c 32 /dev/urandom | base64",
            secret.len()
        ))
    }
}

/// Written whole under another name first: a crash leaves no half of a secret behind.
fn make_secret(path: &Path) -> io::Result<()> {
    let random: [u8; 32] = runtime::random();
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn refused_secret(path: &Path, why: impl ToString) -> StandaloneError {
    StandaloneError::Secret {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests;
