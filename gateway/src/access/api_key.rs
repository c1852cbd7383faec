//! The text of an API key: `kapikey-` and three parts, as clients want it, of which the last is 256
//! random bits. It is told once and kept nowhere: a key is found by the SHA-256 of its whole text.

use super::session::plain_json;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(crate) const PREFIX: &str = "kapikey-";

/// A key that was just made.
pub(crate) struct ApiKeyText {
    pub text: String,
    pub fingerprint: String,
}

/// What clients read of a key. Nothing here believes it.
#[derive(Serialize)]
struct ApiKeyClaims<'a> {
    #[serde(rename = "_id")]
    kuid: &'a str,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

impl ApiKeyText {
    /// `now`, `until`: Unix milliseconds.
    pub(crate) fn make(kuid: &str, now: i64, until: Option<i64>) -> Self {
        let claims = ApiKeyClaims {
            kuid,
            iat: now / 1000,
            exp: until.map(|until| until / 1000),
        };
        let parts = [r#"{"typ":"key"}"#.to_owned(), plain_json(&claims)];
        let secret: [u8; 32] = runtime::random();
        let [first, second] = parts.map(|part| BASE64.encode(part));
        let text = format!("{PREFIX}{first}.{second}.{}", BASE64.encode(secret));
        let fingerprint = key_fingerprint(&text);
        Self { text, fingerprint }
    }
}

/// Is it the fingerprint of some text?
pub(crate) fn is_fingerprint(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_hex)
}

pub(crate) fn key_fingerprint(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}
