//! Files that hold a secret: who else on the machine can read one. It never reads the secret itself.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

/// Can others than the file's owner read or write it?
///
/// # Errors
/// If there is no such file, or nothing can be known of it.
pub fn is_open_to_others(file: &Path) -> io::Result<bool> {
    Ok(fs::metadata(file)?.permissions().mode() & 0o077 != 0)
}
