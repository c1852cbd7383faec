use super::*;
use serde_json::{Value, json};

/// Of one password and salt by each method, as Python's `hashlib` and `hmac` make them.
const HASHES: &str = include_str!("hashes.jsonl");
const PASSWORD: &[u8] = b"correct horse battery";

fn hashes() -> impl Iterator<Item = Value> {
    let lines = HASHES.lines();
    lines.map(|line| {
        let mut hash: Value = serde_json::from_str(line).unwrap();
        hash["userSalt"] = "5f".repeat(128).into();
        hash
    })
}

/// One as it is kept, by its place among [`HASHES`].
pub(in crate::access::password) fn kept_hashes() -> Vec<String> {
    hashes().map(|hash| kept(&hash).unwrap()).collect()
}

fn kept(hash: &Value) -> Result<String, UnknownHash> {
    let hash: KuzzleHash = serde_json::from_value(hash.clone()).unwrap();
    hash.kept()
}

#[test]
fn a_password_is_known_by_the_hash_that_kuzzle_made_of_it() {
    assert_eq!(hashes().count(), 8);
    for hash in hashes() {
        let stored = kept(&hash).unwrap();
        assert!(
            is_imported(&stored) && matches(PASSWORD, &stored),
            "{stored}"
        );
        assert!(!matches(b"correct horse batterz", &stored) && !matches(b"", &stored));
        let mut salted = hash.clone();
        salted["userSalt"] = "5e".repeat(128).into();
        assert!(!matches(PASSWORD, &kept(&salted).unwrap()), "{stored}");
    }
    for damaged in [
        "$kuzzle$",
        "$kuzzle$pbkdf2$sha512$$",
        "$kuzzle$none$sha1$AA$AA",
    ] {
        assert!(!matches(PASSWORD, damaged), "{damaged}");
    }
}

#[test]
fn a_hash_that_could_not_be_compared_is_refused() {
    let first = hashes().next().unwrap();
    let refused = |changes: Value| {
        let mut hash = first.clone();
        hash.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        kept(&hash).unwrap_err()
    };
    let md5 = UnknownHash::Algorithm("md5".to_owned());
    assert_eq!(refused(json!({"algorithm": "md5"})), md5);
    assert_eq!(refused(json!({"pepper": true})), UnknownHash::Peppered);
    let other = json!({"stretching": false, "encryption": "rot13"});
    assert_eq!(refused(other), UnknownHash::Encryption("rot13".to_owned()));
    for hash in ["", "00", "zz"] {
        assert_eq!(refused(json!({"userPassword": hash})), UnknownHash::Length);
    }
    // Of the same digest, by another method.
    assert_eq!(refused(json!({"stretching": false})), UnknownHash::Length);
    assert_eq!(refused(json!({"userSalt": ""})), UnknownHash::Salt);
}
