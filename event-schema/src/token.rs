//! Tokens: signed handles of writes that a reader presents to see at least those writes. Bound to
//! tenant, purpose and expiry, and to the principal that wrote, where it was given to that.

use crate::signing::Keyring;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

/// What a token says: wait until all of these are resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The tenant it was given to.
    #[serde(rename = "t")]
    pub tenant: String,
    /// The principal it was given to; none: any principal of the tenant, since it was carried by a
    /// notification that the subscribers of a channel share.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Unix seconds after which it is refused.
    #[serde(rename = "e")]
    pub expires: u64,
    #[serde(rename = "g")]
    pub generation: u16,
    /// (partition, offset in `transactions`): the furthest write in each partition that it covers.
    #[serde(rename = "o")]
    pub offsets: Vec<(u16, u64)>,
    /// A number in a spool, by the spool's id: it covers what stands in that up to there, which is
    /// in the log when that much is shipped.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<(u64, u64)>,
    /// The one request it stands for, where it is one: its verdict is asked, not only its
    /// partition's progress.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub request: Option<crate::id::RequestId>,
}

/// Why a text is not a token that may be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("not a token: expected `t1.`, a payload and a signature")]
    Malformed,
    #[error("the token was not signed by this deployment")]
    Forged,
    #[error("the token has expired")]
    Expired,
    #[error("the token belongs to another principal")]
    Foreign,
}

const PURPOSE: &str = "write-token";
const PREFIX: &str = "t1.";
/// Bytes of the signature.
const TAG: usize = 16;

impl Token {
    /// Text form: `t1.<payload>.<key id><tag>`, URL-safe.
    pub fn sign(&self, keys: &Keyring) -> String {
        let json = serde_json::to_vec(self).expect("a token is plain JSON");
        let key = keys.signer();
        let mut text = String::with_capacity(PREFIX.len() + json.len() / 3 * 4 + 32);
        text.push_str(PREFIX);
        BASE64.encode_string(json, &mut text);
        let tag = key.tag(PURPOSE, &[&text.as_bytes()[PREFIX.len()..]]);
        let mut signature = [key.id(); 1 + TAG];
        signature[1..].copy_from_slice(&tag[..TAG]);
        text.push('.');
        BASE64.encode_string(signature, &mut text);
        text
    }

    /// Reads, checks the signature and that it is `tenant`'s and `principal`'s and not older than
    /// `now` (Unix seconds) allows.
    pub fn open(
        text: &str,
        keys: &Keyring,
        tenant: &str,
        principal: &str,
        now: u64,
    ) -> Result<Self, BadToken> {
        let (payload, signature) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('.'))
            .ok_or(BadToken::Malformed)?;
        let signature = BASE64.decode(signature).map_err(|_| BadToken::Malformed)?;
        let (id, tag) = signature.split_first().ok_or(BadToken::Malformed)?;
        let key = keys.signing_key(*id).ok_or(BadToken::Forged)?;
        if tag.len() != TAG || !key.verify(PURPOSE, &[payload.as_bytes()], tag) {
            return Err(BadToken::Forged);
        }
        let json = BASE64.decode(payload).map_err(|_| BadToken::Malformed)?;
        let token: Self = serde_json::from_slice(&json).map_err(|_| BadToken::Malformed)?;
        let is_theirs = token.tenant == tenant
            && token
                .principal
                .as_deref()
                .is_none_or(|given| given == principal);
        if token.expires < now {
            Err(BadToken::Expired)
        } else if !is_theirs {
            Err(BadToken::Foreign)
        } else {
            Ok(token)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of_p() -> Token {
        Token {
            tenant: "t".into(),
            principal: Some("p".into()),
            expires: 100,
            generation: 1,
            offsets: vec![(0, 7), (3, 9)],
            spool: None,
            request: None,
        }
    }

    #[test]
    fn a_token_is_its_owners_until_it_expires() {
        let keys = Keyring::new(1, *b"a secret of thirty-two bytes.....");
        let token = token_of_p();
        let text = token.sign(&keys);
        assert_eq!(Token::open(&text, &keys, "t", "p", 100), Ok(token));
        assert_eq!(
            Token::open(&text, &keys, "t", "p", 101),
            Err(BadToken::Expired)
        );
        assert_eq!(
            Token::open(&text, &keys, "u", "p", 1),
            Err(BadToken::Foreign)
        );
        assert_eq!(
            Token::open(&text, &keys, "t", "q", 1),
            Err(BadToken::Foreign)
        );
        assert_eq!(
            Token::open(&text, &Keyring::new(1, *b"other"), "t", "p", 1),
            Err(BadToken::Forged)
        );
        let shared = Token {
            principal: None,
            ..token_of_p()
        };
        let text = shared.sign(&keys);
        assert_eq!(Token::open(&text, &keys, "t", "q", 1), Ok(shared));
        assert_eq!(
            Token::open(&text, &keys, "u", "p", 1),
            Err(BadToken::Foreign)
        );
        for nonsense in ["", "t1.", "t1.a", "t1..", "t1.a.b", "x"] {
            assert!(
                Token::open(nonsense, &keys, "t", "p", 1).is_err(),
                "{nonsense:?}"
            );
        }
    }
}
