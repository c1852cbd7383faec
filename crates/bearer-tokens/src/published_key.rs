//! Keys as an issuer publishes them (RFC 7517, 7518, 8037), and signatures by them. A key is used
//! for what it was published for alone.

use crate::SignatureAlgorithm;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use std::collections::HashMap;

/// Keys that one issuer may have.
const MOST: usize = 100;

/// As it is written. What is private in it, if anything is, is not read.
#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyMaterial {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key that signatures are verified by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublishedKey {
    /// The only algorithm that it is for, if it says so.
    only: Option<SignatureAlgorithm>,
    material: KeyMaterial,
}

/// By their ids; two may share one.
pub(crate) type PublishedKeys = HashMap<String, Vec<PublishedKey>>;

/// Reads a JWK set. Keys of other kinds and for other purposes are passed over; that none is left is
/// what the issuer says, and no fault.
pub(crate) fn read_set(text: &[u8]) -> Result<PublishedKeys, String> {
    let set: WrittenSet = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let mut keys = PublishedKeys::new();
    for written in set.keys.into_iter().take(MOST) {
        let Ok(written) = serde_json::from_value::<WrittenKey>(written) else {
            continue;
        };
        if let Some((id, key)) = PublishedKey::read(written) {
            keys.entry(id).or_default().push(key);
        }
    }
    Ok(keys)
}

impl PublishedKey {
    fn read(written: WrittenKey) -> Option<(String, Self)> {
        let verifies = |uses: Vec<String>| uses.iter().any(|one| one == "verify");
        let is_for_signatures = written.purpose.is_none_or(|purpose| purpose == "sig")
            && written.key_ops.is_none_or(verifies);
        let only = match &written.alg {
            None => None,
            Some(name) => Some(SignatureAlgorithm::of_name(name)?),
        };
        let part = |text: &Option<String>| BASE64.decode(text.as_ref()?).ok();
        let material = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => KeyMaterial::Rsa {
                n: trimmed(part(&written.n)?),
                e: trimmed(part(&written.e)?),
            },
            ("EC", Some("P-256")) => KeyMaterial::P256(point(part(&written.x)?, part(&written.y)?)),
            ("EC", Some("P-384")) => KeyMaterial::P384(point(part(&written.x)?, part(&written.y)?)),
            ("OKP", Some("Ed25519")) => KeyMaterial::Ed25519(part(&written.x)?),
            _ => return None,
        };
        let id = written.kid.filter(|_| is_for_signatures)?;
        Some((id, Self { only, material }))
    }

    /// Is it for this algorithm?
    pub(crate) fn is_for(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as Of;
        let fits = match &self.material {
            KeyMaterial::Rsa { .. } => rsa(algorithm).is_some(),
            KeyMaterial::P256(_) => algorithm == Of::Es256,
            KeyMaterial::P384(_) => algorithm == Of::Es384,
            KeyMaterial::Ed25519(_) => algorithm == Of::EdDsa,
        };
        fits && self.only.is_none_or(|only| only == algorithm)
    }

    /// Did this key sign it?
    pub(crate) fn verifies(
        &self,
        algorithm: SignatureAlgorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        if !self.is_for(algorithm) {
            return false;
        }
        let by_point = |how: &'static dyn VerificationAlgorithm, point: &[u8]| {
            let key = UnparsedPublicKey::new(how, point);
            key.verify(signed, signature).is_ok()
        };
        match &self.material {
            KeyMaterial::Rsa { n, e } => rsa(algorithm).is_some_and(|how| {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(how, signed, signature).is_ok()
            }),
            KeyMaterial::P256(point) => by_point(&signature::ECDSA_P256_SHA256_FIXED, point),
            KeyMaterial::P384(point) => by_point(&signature::ECDSA_P384_SHA384_FIXED, point),
            KeyMaterial::Ed25519(point) => by_point(&signature::ED25519, point),
        }
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    use SignatureAlgorithm as Of;
    Some(match algorithm {
        Of::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Of::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Of::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Of::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Of::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Of::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        Of::Es256 | Of::Es384 | Of::EdDsa => return None,
    })
}

/// A number without the noughts before it, which some issuers write.
fn trimmed(number: Vec<u8>) -> Vec<u8> {
    let noughts = number.iter().take_while(|byte| **byte == 0).count();
    number[noughts..].to_vec()
}

fn point(x: Vec<u8>, y: Vec<u8>) -> Vec<u8> {
    [&[4], &x[..], &y[..]].concat()
}
