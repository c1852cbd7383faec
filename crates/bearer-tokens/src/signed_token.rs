//! The text of a token, taken apart. Nothing in it is believed yet.

use crate::{SignatureAlgorithm, TokenFault};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use json_text::ScannedJson;
use serde::Deserialize;
use serde_json::{Map, Value};

/// No token is longer, bytes.
const LONGEST: usize = 16 << 10;
/// How deep claims may nest.
const DEEPEST: usize = 8;

/// The head (RFC 7515, 4.1). Members that name keys are not read.
#[derive(Deserialize)]
struct IssuedTokenHead {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
}

/// A token in compact form.
pub(crate) struct SignedToken<'a> {
    pub algorithm: SignatureAlgorithm,
    pub key_id: String,
    pub claims: Map<String, Value>,
    /// What is signed.
    pub signed: &'a str,
    pub signature: Vec<u8>,
}

impl<'a> SignedToken<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Self, TokenFault> {
        let bad = TokenFault::Malformed;
        if text.len() > LONGEST {
            return Err(bad("it is too long"));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(bad("it has no parts"))?;
        let (head, claims) = signed.split_once('.').ok_or(bad("it has two parts"))?;
        let head = object(head)?;
        let has_extensions = head.contains_key("crit");
        let head: IssuedTokenHead = serde_json::from_value(Value::Object(head))
            .map_err(|_| bad("its head has no algorithm"))?;
        // Whoever does not know an extension that must be known refuses the token.
        if has_extensions {
            return Err(bad("it asks for extensions"));
        }
        let kind = head.typ.as_deref().map(str::to_ascii_lowercase);
        if !matches!(
            kind.as_deref(),
            None | Some("jwt" | "at+jwt" | "application/at+jwt")
        ) {
            return Err(bad("it is of another type"));
        }
        let algorithm = SignatureAlgorithm::of_name(&head.alg).ok_or(TokenFault::Algorithm)?;
        let signature = BASE64.decode(signature);
        Ok(Self {
            algorithm,
            key_id: head.kid.ok_or(bad("it names no key"))?,
            claims: object(claims)?,
            signed,
            signature: signature.map_err(|_| bad("its signature is not base64url"))?,
        })
    }
}

/// A part that is an object of JSON in base64url, no member twice.
fn object(part: &str) -> Result<Map<String, Value>, TokenFault> {
    let bad = TokenFault::Malformed;
    let json = BASE64
        .decode(part)
        .map_err(|_| bad("a part is not base64url"))?;
    let json =
        ScannedJson::scan(Bytes::from(json), DEEPEST).map_err(|_| bad("a part is not JSON"))?;
    serde_json::from_str(json.text().get()).map_err(|_| bad("a part is no object"))
}
