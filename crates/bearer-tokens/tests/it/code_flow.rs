//! Settings by which users log in at an issuer. What becomes of a log-in is tried at the gateway.

use crate::issuer::{NOW, config, http};
use bearer_tokens::{CodeFlowConfig, IssuerConfig, IssuerConfigError, TrustedIssuers};
use runtime::clock::ManualClock;
use serde_json::json;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

fn with_login(login: CodeFlowConfig) -> IssuerConfig {
    IssuerConfig {
        login: Some(login),
        ..config("http://127.0.0.1/keys", &["ES256"])
    }
}

fn login(secret: Option<&Path>) -> CodeFlowConfig {
    let login = json!({"client_id": "c", "client_secret_file": secret, "redirect": "https://shop.example.org/in"});
    serde_json::from_value(login).unwrap()
}

fn started(config: IssuerConfig) -> Result<TrustedIssuers, IssuerConfigError> {
    TrustedIssuers::new(&[config], &http(), Arc::new(ManualClock::at(NOW)))
}

#[test]
fn users_log_in_by_those_issuers_that_say_how() {
    let without = started(config("http://127.0.0.1/keys", &["ES256"])).unwrap();
    assert_eq!(without.login_names().count(), 0);
    assert!(without.login_by("corporate").is_none());
    assert_eq!(without.profiles_of("corporate:alice", &[]), None);
    let trusted = started(with_login(login(None))).unwrap();
    assert_eq!(Vec::from_iter(trusted.login_names()), ["corporate"]);
    assert!(trusted.login_by("corporate").is_some() && trusted.login_by("other").is_none());
    // What the table gives now, to groups that it knows.
    let groups = ["shop-admin", "gone"].map(str::to_owned);
    let given = trusted.profiles_of("corporate:alice", &groups).unwrap();
    assert_eq!(given, ["default", "admin"]);
    assert_eq!(trusted.profiles_of("other:alice", &groups), None);
    assert_eq!(trusted.profiles_of("alice", &groups), None);
    let most = trusted.greatest_profiles("corporate:anybody").unwrap();
    assert_eq!(most, ["default", "admin"]);
    assert_eq!(trusted.greatest_profiles("alice"), None);
}

#[test]
fn settings_of_a_log_in_that_cannot_be_stop_the_start() {
    let changes: [fn(&mut CodeFlowConfig); 7] = [
        |login| login.client_id.clear(),
        |login| login.redirect = "shop.example.org".to_owned(),
        |login| login.redirect = "https://shop.example.org/a b".to_owned(),
        |login| login.landing = Some("javascript:alert(1)".to_owned()),
        |login| login.scopes = vec!["profile".to_owned()],
        |login| login.scopes.push("a b".to_owned()),
        |login| login.longest_session_seconds = 59,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut changed = login(None);
        change(&mut changed);
        assert!(started(with_login(changed)).is_err(), "{n}");
    }
    // The deployment's own strategy, and an issuer whose address cannot be asked.
    let named = |name: &str, issuer: &str| IssuerConfig {
        name: name.to_owned(),
        issuer: issuer.to_owned(),
        ..with_login(login(None))
    };
    assert!(started(named("local", "https://id.example.org")).is_err());
    assert!(started(named("corporate", "urn:an-issuer")).is_err());
    assert!(started(named("corporate", "http://id.example.org")).is_err());
    assert!(started(named("corporate", "https://id.example.org")).is_ok());
}

#[test]
fn a_clients_secret_is_read_of_a_file_that_is_its_owners_alone() {
    let folder = std::env::temp_dir().join(format!("consign-secret-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("secret");
    let why = || {
        let started = started(with_login(login(Some(&file))));
        started.err().map(|error| error.to_string())
    };
    assert!(why().unwrap().contains("client_secret_file"));
    fs::write(&file, "s3cret\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let said = why().unwrap();
    assert!(
        said.contains("chmod 600") && !said.contains("s3cret"),
        "{said}"
    );
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(why(), None);
    fs::write(&file, " \n").unwrap();
    assert!(why().unwrap().contains("is empty"));
    fs::remove_dir_all(folder).unwrap();
}
