//! What a token must be.

use crate::issuer::{
    Deployment, ISSUER, NOW, SigningKey, changed, claims, config, head, http, unsigned,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bearer_tokens::{TokenBearer, TokenFault, TrustedIssuers};
use proptest::prelude::*;
use runtime::clock::ManualClock;
use serde_json::{Value, json};
use std::sync::Arc;

const SECONDS: i64 = NOW / 1000;

fn alice() -> TokenBearer {
    TokenBearer {
        name: "corporate:alice".to_owned(),
        profiles: vec!["default".to_owned(), "admin".to_owned()],
        groups: vec!["shop-admin".to_owned()],
        attributes: serde_json::Map::from_iter([("department".to_owned(), "north".into())]),
        until: (SECONDS + 630) * 1000,
    }
}

#[tokio::test]
async fn a_token_of_every_kind_of_key_says_who_bears_it() {
    let keys = [
        (SigningKey::rsa(), "RS256"),
        (SigningKey::ec(), "ES256"),
        (SigningKey::ed(), "EdDSA"),
    ];
    let published = keys.iter().map(|(key, name)| key.published(name));
    let published: Vec<Value> = published.collect();
    let algorithms = ["RS256", "PS256", "ES256", "EdDSA"];
    let deployment = Deployment::start(published, &algorithms).await;
    for (key, name) in &keys {
        let token = key.token(&head(name, name), &claims());
        assert_eq!(deployment.verify(&token).await, Ok(alice()), "{name}");
    }
    let (rsa, _) = &keys[0];
    let token = rsa.token(&head("PS256", "RS256"), &claims());
    assert_eq!(deployment.verify(&token).await, Ok(alice()));
    // A key is not used for another's algorithm, whatever the token says.
    let token = rsa.token(&head("RS256", "ES256"), &claims());
    assert_eq!(deployment.verify(&token).await, Err(TokenFault::UnknownKey));
    let other = SigningKey::ec().token(&head("ES256", "ES256"), &claims());
    assert_eq!(deployment.verify(&other).await, Err(TokenFault::Signature));
}

#[tokio::test]
async fn claims_are_there_of_their_type_and_right() {
    let key = SigningKey::ec();
    let deployment = Deployment::start(vec![key.published("k")], &["ES256"]).await;
    let claim = |name| Err(TokenFault::Claim(name));
    let cases = [
        (json!({"aud": "consign"}), Ok(())),
        (json!({"aud": "other"}), Err(TokenFault::Audience)),
        (
            json!({"aud": ["other", "Consign"]}),
            Err(TokenFault::Audience),
        ),
        (json!({"aud": []}), Err(TokenFault::Audience)),
        (json!({"aud": null}), claim("aud")),
        (json!({"aud": {"consign": true}}), claim("aud")),
        (json!({"aud": ["consign", 7]}), claim("aud")),
        (json!({"exp": SECONDS - 29}), Ok(())),
        (json!({"exp": SECONDS - 30}), Err(TokenFault::Expired)),
        (json!({"exp": null}), claim("exp")),
        (json!({"exp": "9999999999"}), claim("exp")),
        (json!({"exp": -1}), claim("exp")),
        (json!({"exp": 1e300}), claim("exp")),
        (json!({"exp": true}), claim("exp")),
        (json!({"exp": SECONDS as f64 + 0.5}), Ok(())),
        (json!({"nbf": SECONDS + 30}), Ok(())),
        (json!({"nbf": SECONDS + 31}), Err(TokenFault::NotYet)),
        (json!({"nbf": "0"}), claim("nbf")),
        (json!({"nbf": null, "iat": null}), Ok(())),
        (json!({"iat": SECONDS + 31}), Err(TokenFault::NotYet)),
        (json!({"iat": []}), claim("iat")),
        (
            json!({"iss": "https://id.example.org/"}),
            Err(TokenFault::UnknownIssuer),
        ),
        (json!({"iss": null}), claim("iss")),
        (json!({"iss": [ISSUER]}), claim("iss")),
        (json!({"sub": null}), claim("principal")),
        (json!({"sub": ""}), claim("principal")),
        (json!({"sub": 7}), claim("principal")),
        (json!({"sub": "a\nb"}), claim("principal")),
        (json!({"sub": "a".repeat(257)}), claim("principal")),
    ];
    for (changes, wanted) in cases {
        let token = key.token(&head("ES256", "k"), &changed(changes.clone()));
        let found = deployment.verify(&token).await.map(drop);
        assert_eq!(found, wanted, "{changes}");
    }
    // Groups that give nothing here.
    let nobody = changed(json!({"realm": {"roles": "guest"}, "dept": null}));
    let token = key.token(&head("ES256", "k"), &nobody);
    let bearer = deployment.verify(&token).await.unwrap();
    assert_eq!(bearer.profiles, ["default"]);
    assert!(bearer.attributes.is_empty());
}

#[tokio::test]
async fn only_the_algorithms_of_the_issuer_and_none_with_a_shared_secret() {
    let (rsa, ec) = (SigningKey::rsa(), SigningKey::ec());
    let published = vec![rsa.published("r"), ec.published("e")];
    let deployment = Deployment::start(published, &["RS256"]).await;
    let wrong = Err(TokenFault::Algorithm);
    let token = ec.token(&head("ES256", "e"), &claims());
    assert_eq!(deployment.verify(&token).await, wrong);
    for none in ["none", "None", "NONE", ""] {
        let token = unsigned(&head(none, "r"), &claims());
        assert_eq!(
            deployment.verify(&format!("{token}.")).await,
            wrong,
            "{none}"
        );
    }
    // The public key, which everybody knows, as a shared secret.
    let public = rsa.published("r")["n"].as_str().unwrap().to_owned();
    let signed = unsigned(&head("HS256", "r"), &claims());
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
    let tag = BASE64.encode(ring::hmac::sign(&secret, signed.as_bytes()));
    assert_eq!(deployment.verify(&format!("{signed}.{tag}")).await, wrong);
    for name in ["HS256", "none", "RS1"] {
        let mut config = serde_json::to_value(config("https://id.example.org/keys", &[])).unwrap();
        config["algorithms"] = json!([name]);
        assert!(serde_json::from_value::<bearer_tokens::IssuerConfig>(config).is_err());
    }
    assert!(
        deployment
            .verify(&rsa.token(&head("RS256", "r"), &claims()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_head_that_asks_for_more_is_refused_and_what_it_says_of_keys_is_passed_over() {
    let (key, thief) = (SigningKey::ec(), SigningKey::ec());
    let elsewhere = Deployment::start(vec![thief.published("k")], &["ES256"])
        .await
        .server;
    let deployment = Deployment::start(vec![key.published("k")], &["ES256"]).await;
    let with = |changes: Value| {
        let mut head = head("ES256", "k");
        head.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        head
    };
    let own_key = json!({
        "jku": elsewhere.address, "x5u": elsewhere.address, "jwk": thief.published("k"), "x5c": ["AAAA"],
    });
    let stolen = thief.token(&with(own_key.clone()), &claims());
    assert_eq!(deployment.verify(&stolen).await, Err(TokenFault::Signature));
    assert_eq!(elsewhere.asked(), 0);
    // They do no harm to a token that is right.
    let right = key.token(&with(own_key), &claims());
    assert_eq!(deployment.verify(&right).await, Ok(alice()));
    for (changes, is_fine) in [
        (json!({"typ": "at+jwt"}), true),
        (json!({"typ": "JWE"}), false),
        (json!({"crit": ["exp"]}), false),
        (json!({"crit": null}), false),
        (json!({"b64": false, "crit": ["b64"]}), false),
        (json!({"kid": 7}), false),
        (json!({"alg": ["ES256"]}), false),
    ] {
        let signed = unsigned(&with(changes.clone()), &claims());
        let token = if is_fine {
            key.token(&with(changes.clone()), &claims())
        } else {
            format!("{signed}.AAAA")
        };
        let found = deployment.verify(&token).await;
        let is_malformed = matches!(found, Err(TokenFault::Malformed(_)));
        assert_eq!(
            (found.is_ok(), is_malformed),
            (is_fine, !is_fine),
            "{changes}: {found:?}"
        );
    }
    // A member twice: two readers would read two tokens.
    let part = |text: &str| BASE64.encode(text);
    let twice = format!(
        "{}.{}.AAAA",
        part(r#"{"alg":"ES256","kid":"k","kid":"l"}"#),
        part("{}")
    );
    assert!(matches!(
        deployment.verify(&twice).await,
        Err(TokenFault::Malformed(_))
    ));
}

#[test]
fn issuers_that_cannot_be_believed_stop_the_start() {
    let good = config("http://127.0.0.1/keys", &["ES256"]);
    let clock = || Arc::new(ManualClock::at(NOW));
    let new = |configs: &[_]| TrustedIssuers::new(configs, &http(), clock());
    let trusted = new(std::slice::from_ref(&good)).unwrap();
    assert!(trusted.owns_name("corporate:alice") && trusted.owns_name("corporate:"));
    assert!(!trusted.owns_name("corporate") && !trusted.owns_name("corporates:alice"));
    let is_wrong = |change: fn(&mut bearer_tokens::IssuerConfig)| {
        let mut config = good.clone();
        change(&mut config);
        new(&[config]).is_err()
    };
    assert!(is_wrong(|config| config.name = "Corporate:x".to_owned()));
    assert!(is_wrong(|config| config.name = String::new()));
    assert!(is_wrong(|config| config.audiences.clear()));
    assert!(is_wrong(|config| config.audiences = vec![String::new()]));
    assert!(is_wrong(|config| config.algorithms.clear()));
    assert!(is_wrong(|config| config.issuer = String::new()));
    assert!(is_wrong(|config| config.principal = "sub".to_owned()));
    assert!(is_wrong(|config| config.leeway_seconds = 301));
    assert!(is_wrong(
        |config| config.keys = "http://id.example.org/keys".to_owned()
    ));
    assert!(is_wrong(
        |config| config.keys = "https://169.254.169.254/keys".to_owned()
    ));
    let twin = |issuer: &str, name: &str| bearer_tokens::IssuerConfig {
        issuer: issuer.to_owned(),
        name: name.to_owned(),
        ..good.clone()
    };
    assert!(new(&[good.clone(), twin("https://other", "corporate")]).is_err());
    assert!(new(&[good.clone(), twin(ISSUER, "other")]).is_err());
    assert!(new(&[good.clone(), twin("https://other", "other")]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// One letter changed, left out or doubled anywhere: it is another token, or none.
    #[test]
    fn a_token_that_was_changed_anywhere_is_not_believed(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]", how in 0..3) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let key = SigningKey::ed();
            let deployment = Deployment::start(vec![key.published("k")], &["EdDSA"]).await;
            let token = key.token(&head("EdDSA", "k"), &claims());
            let place = place.index(token.len());
            let (before, after) = (&token[..place], &token[place + 1..]);
            let other = match how {
                0 => format!("{before}{letter}{after}"),
                1 => format!("{before}{after}"),
                _ => format!("{before}{letter}{}", &token[place..]),
            };
            assert_eq!(deployment.verify(&other).await.is_ok(), other == token, "{other}");
        });
    }
}
