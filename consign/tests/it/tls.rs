//! Commands against a gateway with a certificate of its own.

use crate::pipeline::{Pipeline, consign, run};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
};

/// An authority in `ca.pem`, and settings of a gateway whose certificate it signed.
fn certify(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    let at = |name: &str| folder.join(name);
    for (name, text) in [
        ("ca.pem", authority),
        ("certificate.pem", certificate),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(at(name), text).unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(0o600)).unwrap();
    }
    let settings =
        "[security]\ntls = \"own\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n";
    fs::write(at("consign.toml"), settings).unwrap();
}

#[test]
fn commands_believe_the_authority_that_is_named_and_no_unknown_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certify(folder);
    let pipeline = Pipeline::start(folder);
    let url = pipeline.url.as_str();
    assert!(url.starts_with("https://"), "{url}");
    let trusted = ["--url", url, "--authority", "ca.pem"];
    let with = |command: &[&str], more: &[&str]| run(&[command, more].concat(), folder);

    let refused = with(&["health"], &["--url", url]);
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(why.contains("invalid peer certificate"), "{why}");
    let none = with(&["health"], &["--url", url, "--authority", "none.pem"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(with(&["health"], &trusted).status.success());

    let place = [
        "subscribe",
        "--index",
        "i",
        "--collection",
        "c",
        "--count",
        "1",
    ];
    let listening = [&place[..], &trusted].concat();
    let mut listener = consign(&listening, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let states = listener.stderr.take().unwrap();
    BufReader::new(states).read_line(&mut said).unwrap();
    drop(listener.kill());
    drop(listener.wait());
    assert!(said.contains("listening in room"), "{said}");
}
