//! By what an endpoint knows that this deployment asks: RFC 9421, HMAC-SHA256 over the method, the
//! address, the digest of the body (RFC 9530) and the time. It must never log or print a secret.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use event_schema::signing::Keyring;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use runtime::secret_file::is_open_to_others;
use sha2::{Digest, Sha256};
use std::{fmt::Write, io::ErrorKind, path::Path};
use zeroize::Zeroizing;

/// A shorter one could be tried out.
const SHORTEST: usize = 16;

/// What the hook's questions are signed by: the file of its name in the folder, without the white
/// space around it, or else what derives from the deployment's secret.
pub(super) fn secret_of(
    hook: &str,
    folder: Option<&Path>,
    keys: &Keyring,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let Some(folder) = folder else {
        return Ok(derived_secret(hook, keys));
    };
    let file = folder.join(hook);
    match std::fs::read(&file) {
        Ok(_) if is_open_to_others(&file).unwrap_or(true) => {
            let file = file.display();
            Err(format!(
                "{file}: others on this machine can read it: chmod 600 {file}"
            ))
        }
        Ok(read) => {
            let read = Zeroizing::new(read);
            let secret = read.trim_ascii();
            if secret.len() < SHORTEST {
                let file = file.display();
                return Err(format!("{file}: a secret has {SHORTEST} bytes or more"));
            }
            Ok(Zeroizing::new(secret.to_vec()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(derived_secret(hook, keys)),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// 64 hexadecimal digits, which tell nothing of the secret that they derive from.
pub(super) fn derived_secret(hook: &str, keys: &Keyring) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in keys.tag("hook secret", &[hook.as_bytes()]) {
        _ = write!(text, "{byte:02x}");
    }
    Zeroizing::new(text.as_bytes().to_vec())
}

/// `created`: Unix seconds.
pub(super) fn signed_headers(
    (hook, target): (&str, &str),
    secret: &[u8],
    body: &[u8],
    created: i64,
) -> HeaderMap {
    let digest = format!("sha-256=:{}:", BASE64.encode(Sha256::digest(body)));
    let parameters = format!(
        "(\"@method\" \"@target-uri\" \"content-digest\");created={created};keyid=\"{hook}\";alg=\"hmac-sha256\""
    );
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {target}\n\"content-digest\": {digest}\n\
         \"@signature-params\": {parameters}"
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = BASE64.encode(hmac::sign(&key, base.as_bytes()));
    let mut headers = HeaderMap::new();
    let given = [
        ("content-digest", digest),
        ("signature-input", format!("consign={parameters}")),
        ("signature", format!("consign=:{tag}:")),
    ];
    for (name, value) in given {
        let value = HeaderValue::try_from(value).expect("it is of base 64 and a hook's name");
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    /// Made by `openssl dgst -sha256 -hmac` over the signature base of RFC 9421.
    #[test]
    fn a_signature_is_what_others_compute() {
        let secret = b"0123456789abcdef0123456789abcdef";
        let asked = ("stock.check", "https://stock.example/before");
        let headers = signed_headers(asked, secret, b"{\"hook\":\"stock.check\"}", 1_700_000_000);
        assert_eq!(headers["content-digest"], DIGEST);
        assert_eq!(
            headers["signature-input"],
            "consign=(\"@method\" \"@target-uri\" \"content-digest\");created=1700000000;keyid=\"stock.check\";alg=\"hmac-sha256\""
        );
        assert_eq!(headers["signature"], SIGNATURE);
    }

    const DIGEST: &str = "sha-256=:ThMCtXFt7Ved5ETKSiY/JQeX4dtkgSzP30p7Yw4caBY=:";
    const SIGNATURE: &str = "consign=:KymEq75YfrS6yloZL+3YnoePghwkJLJWyxaDjt9/aXE=:";

    #[test]
    fn a_secret_of_its_own_stands_in_a_file_of_the_hooks_name() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::new(1, *b"0123456789abcdef");
        let of = |hook: &str| secret_of(hook, Some(folder.path()), &keys);
        let derived = of("stock").unwrap();
        assert_eq!(derived.len(), 64);
        assert_eq!(derived, secret_of("stock", None, &keys).unwrap());
        assert_ne!(derived, of("other").unwrap());
        let file = folder.path().join("stock");
        let allow = |mode| std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        std::fs::write(&file, "a secret of its own\n").unwrap();
        allow(0o644);
        assert!(of("stock").unwrap_err().contains("others on this machine"));
        allow(0o600);
        assert_eq!(*of("stock").unwrap(), *b"a secret of its own");
        std::fs::write(&file, "short\n").unwrap();
        assert!(of("stock").unwrap_err().contains("16 bytes"));
    }
}
