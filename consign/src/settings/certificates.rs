//! Certificates in settings: a file, or the text itself.

use crate::failure::Failure;

/// How every PEM text begins, after comments that some tools put before it.
const BEGIN: &str = "-----BEGIN ";

/// The PEM text that a setting holds or names.
pub fn read_pem(setting: &str, value: Option<String>) -> Result<Option<String>, Failure> {
    let Some(value) = value else { return Ok(None) };
    if value.contains(BEGIN) {
        return Ok(Some(value));
    }
    let text = std::fs::read_to_string(&value)
        .map_err(|error| Failure::usage(format!("`{setting}`: {value}: {error}")))?;
    if text.contains(BEGIN) {
        Ok(Some(text))
    } else {
        let why = format!("`{setting}`: {value} is no PEM file");
        Err(Failure::usage(why).hint("openssl x509 -in FILE -out ca.pem makes one"))
    }
}
