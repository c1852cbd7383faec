//! Keys: read when they are needed, at a pace, and kept while the issuer is away.

use crate::issuer::{Deployment, NOW, SigningKey, changed, claims, head};
use bearer_tokens::TokenFault;
use runtime::Shutdown;

const ALGORITHMS: &[&str] = &["ES256"];
const UNKNOWN: Result<(), TokenFault> = Err(TokenFault::UnknownKey);

/// A hundred tokens at once, each with a key that nobody has published.
async fn storm(deployment: &Deployment) {
    let key = SigningKey::ec();
    let token = |n: usize| key.token(&head("ES256", &format!("unknown-{n}")), &claims());
    let tokens: Vec<String> = (0..100).map(token).collect();
    let asked = tokens.iter().map(|token| deployment.verify(token));
    for found in futures::future::join_all(asked).await {
        assert_eq!(found.map(drop), UNKNOWN);
    }
}

#[tokio::test]
async fn a_storm_of_unknown_keys_reads_them_once_in_half_a_minute() {
    let key = SigningKey::ec();
    let deployment = Deployment::start(vec![key.published("k")], ALGORITHMS).await;
    let right = key.token(&head("ES256", "k"), &claims());
    storm(&deployment).await;
    assert_eq!(deployment.server.asked(), 1);
    assert!(deployment.verify(&right).await.is_ok());
    deployment.clock.advance(29_999);
    storm(&deployment).await;
    assert_eq!(deployment.server.asked(), 1);
    deployment.clock.advance(1);
    storm(&deployment).await;
    assert_eq!(deployment.server.asked(), 2);
    assert!(deployment.verify(&right).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_found_and_one_that_was_withdrawn_is_not_believed_any_more() {
    let (old, new) = (SigningKey::ec(), SigningKey::ec());
    let deployment = Deployment::start(vec![old.published("old")], ALGORITHMS).await;
    let by_old = old.token(&head("ES256", "old"), &claims());
    let by_new = new.token(&head("ES256", "new"), &claims());
    assert!(deployment.verify(&by_old).await.is_ok());
    deployment
        .server
        .publish(vec![old.published("old"), new.published("new")]);
    // So soon after the last reading it is not asked again.
    assert_eq!(deployment.verify(&by_new).await.map(drop), UNKNOWN);
    deployment.clock.advance(30_000);
    assert!(deployment.verify(&by_new).await.is_ok());
    assert!(deployment.verify(&by_old).await.is_ok());
    deployment.server.publish(vec![new.published("new")]);
    deployment.clock.advance(30_000);
    storm(&deployment).await;
    assert_eq!(deployment.verify(&by_old).await.map(drop), UNKNOWN);
    assert!(deployment.verify(&by_new).await.is_ok());
}

#[tokio::test]
async fn the_last_good_keys_are_used_while_the_issuer_is_away() {
    let key = SigningKey::ec();
    let deployment = Deployment::start(vec![key.published("k")], ALGORITHMS).await;
    let right = key.token(&head("ES256", "k"), &claims());
    deployment.server.fail();
    let found = deployment.verify(&right).await;
    assert!(matches!(found, Err(TokenFault::NoKeys(_))), "{found:?}");
    deployment.server.publish(vec![key.published("k")]);
    deployment.clock.advance(30_000);
    assert!(deployment.verify(&right).await.is_ok());
    deployment.server.fail();
    deployment.clock.advance(30_000);
    storm(&deployment).await;
    assert!(deployment.verify(&right).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_publishes_no_key_has_withdrawn_them() {
    let key = SigningKey::ec();
    let secret = serde_json::json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"});
    let mut encrypts = key.published("k");
    encrypts["use"] = "enc".into();
    for keys in [vec![], vec![secret, encrypts]] {
        let deployment = Deployment::start(vec![key.published("k")], ALGORITHMS).await;
        let right = key.token(&head("ES256", "k"), &claims());
        assert!(deployment.verify(&right).await.is_ok());
        deployment.server.publish(keys);
        deployment.clock.advance(30_000);
        storm(&deployment).await;
        assert_eq!(deployment.verify(&right).await.map(drop), UNKNOWN);
        deployment.server.publish(vec![key.published("k")]);
        deployment.clock.advance(30_000);
        assert!(deployment.verify(&right).await.is_ok());
    }
}

#[tokio::test]
async fn keys_that_cannot_be_read_anew_are_used_up_to_their_longest_age() {
    const DAY_MS: u32 = 86_400_000;
    let key = SigningKey::ec();
    let deployment = Deployment::start(vec![key.published("k")], ALGORITHMS).await;
    let long = changed(serde_json::json!({"exp": NOW / 1000 + 10 * 86_400}));
    let right = key.token(&head("ES256", "k"), &long);
    assert!(deployment.verify(&right).await.is_ok());
    deployment.server.fail();
    deployment.clock.advance(DAY_MS - 1);
    assert!(deployment.verify(&right).await.is_ok());
    deployment.clock.advance(1);
    let found = deployment.verify(&right).await;
    assert!(matches!(found, Err(TokenFault::NoKeys(_))), "{found:?}");
    // It was asked for them once more before that was said, and is again after the pause.
    assert_eq!(deployment.server.asked(), 2);
    deployment.server.publish(vec![key.published("k")]);
    deployment.clock.advance(30_000);
    assert!(deployment.verify(&right).await.is_ok());
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_cut_a_reading_short() {
    let key = SigningKey::ec();
    let deployment = Deployment::start(vec![key.published("k")], ALGORITHMS).await;
    let right = key.token(&head("ES256", "k"), &claims());
    deployment.server.hold();
    // Whoever hangs up while it is read, again and again.
    for _ in 0..3 {
        let asked = deployment.verify(&right);
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(200), asked).await;
        assert!(given_up.is_err(), "{given_up:?}");
    }
    assert_eq!(deployment.server.asked(), 1);
    deployment.server.let_go();
    assert!(deployment.verify(&right).await.is_ok());
    assert_eq!(deployment.server.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_anew_without_being_asked_for() {
    let (old, new) = (SigningKey::ec(), SigningKey::ec());
    let deployment = Deployment::start(vec![old.published("k")], ALGORITHMS).await;
    let by_old = old.token(&head("ES256", "k"), &claims());
    let (trigger, shutdown) = Shutdown::manual();
    let steps = async {
        while deployment.server.asked() < 1 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        deployment.server.publish(vec![new.published("k")]);
        deployment.clock.advance(600_000);
        while deployment.server.asked() < 2 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        trigger.soft();
    };
    tokio::join!(deployment.trusted.follow(shutdown), steps);
    assert_eq!(
        deployment.verify(&by_old).await.map(drop),
        Err(TokenFault::Signature)
    );
}
