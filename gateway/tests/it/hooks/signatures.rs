//! By what an endpoint knows who asks: verified here as docs/hooks.md says it is done.

use super::{
    accept, answer, app_with, config, of_tallies,
    peer::{Peer, Question},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use event_schema::signing::Keyring;
use gateway::config::Hooks;
use ring::hmac;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Was it asked by who has the secret, just now, and is it as it was sent?
fn verify(question: &Question, url: &str, secret: &[u8]) -> Result<(), &'static str> {
    let header = |name: &str| question.headers[name].to_str().unwrap();
    let digest = format!(
        "sha-256=:{}:",
        BASE64.encode(Sha256::digest(&question.body))
    );
    if header("content-digest") != digest {
        return Err("digest");
    }
    let parameters = header("signature-input")
        .strip_prefix("consign=")
        .ok_or("input")?;
    let covered = "(\"@method\" \"@target-uri\" \"content-digest\")";
    let rest = parameters.strip_prefix(covered).ok_or("covered")?;
    let created = rest
        .split(';')
        .find_map(|part| part.strip_prefix("created="));
    let created: u64 = created
        .and_then(|created| created.parse().ok())
        .ok_or("created")?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    if now.abs_diff(created) > 60 {
        return Err("old");
    }
    let base = format!(
        "\"@method\": POST\n\"@target-uri\": {url}\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
    );
    let given = header("signature")
        .strip_prefix("consign=:")
        .and_then(|rest| rest.strip_suffix(':'));
    let given = BASE64.decode(given.ok_or("form")?).map_err(|_| "form")?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::verify(&key, base.as_bytes(), &given).map_err(|_| "signature")
}

#[tokio::test]
async fn a_question_is_signed_by_the_hooks_secret_and_by_no_other() {
    let secrets = tempfile::tempdir().unwrap();
    let own = secrets.path().join("own");
    std::fs::write(&own, "a secret of its own\n").unwrap();
    std::fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
    let peer = Peer::start(|_| accept().into()).await;
    let hooks = [
        of_tallies(&peer, "").replace("stock.check", "derived"),
        of_tallies(&peer, "").replace("stock.check", "own"),
    ];
    let app = app_with(
        &hooks.join("\n"),
        config(Hooks {
            secrets: Some(secrets.path().to_owned()),
            ..Hooks::default()
        }),
    )
    .await;
    answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
    let asked = peer.asked();
    let [derived, own] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let url = peer.url();
    let secret = gateway::hook_secret("derived", &app.keys);
    assert_eq!(verify(derived, &url, secret.as_bytes()), Ok(()));
    assert_eq!(verify(own, &url, b"a secret of its own"), Ok(()));

    assert_eq!(verify(own, &url, secret.as_bytes()), Err("signature"));
    let other = Keyring::new(1, *b"another deployme");
    let other = gateway::hook_secret("derived", &other);
    assert_eq!(verify(derived, &url, other.as_bytes()), Err("signature"));
    let elsewhere = url.replace("/before", "/other");
    assert_eq!(
        verify(own, &elsewhere, b"a secret of its own"),
        Err("signature")
    );
    let mut changed = own.clone();
    changed.body = changed.json().to_string().replace("\"a\"", "\"b\"").into();
    assert_eq!(
        verify(&changed, &url, b"a secret of its own"),
        Err("digest")
    );
    let mut swapped = own.clone();
    swapped.body = derived.body.clone();
    let digest = derived.headers["content-digest"].clone();
    swapped.headers.insert("content-digest", digest);
    assert_eq!(
        verify(&swapped, &url, b"a secret of its own"),
        Err("signature")
    );
    let mut later = own.clone();
    let input = own.headers["signature-input"].to_str().unwrap();
    let later_input = input.replace("created=1", "created=2");
    later
        .headers
        .insert("signature-input", later_input.parse().unwrap());
    assert!(verify(&later, &url, b"a secret of its own").is_err());
}
