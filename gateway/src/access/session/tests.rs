use super::*;

fn keys() -> Keyring {
    Keyring::new(1, *b"0123456789abcdef0123456789abcdef")
}

fn session(kuid: &str) -> UserSession {
    UserSession {
        kuid: kuid.into(),
        exp: 2_000_000_000,
        iat: 1_000_000_000,
        jti: "j".into(),
        sid: "s".into(),
        sessions: "g".into(),
        tenant: "default".into(),
        issued: None,
    }
}

#[test]
fn a_session_is_read_back_and_clients_can_read_its_middle() {
    for kuid in ["meera", "?>~\u{7f}", "żółw 🐢", "a\"b\\c", "\u{fb}\u{ff}"] {
        let session = session(kuid);
        let text = session.sign(&keys());
        assert_eq!(
            UserSession::read(&text, &keys()),
            Some(session.clone()),
            "{kuid}"
        );
        let middle = text.split('.').nth(1).unwrap();
        let plain = base64::engine::general_purpose::STANDARD_NO_PAD.decode(middle);
        let read: UserSession =
            serde_json::from_slice(&plain.expect("the plain alphabet")).unwrap();
        assert_eq!(read, session, "{kuid}");
    }
}

#[test]
fn nothing_else_is_a_session() {
    let text = session("meera").sign(&keys());
    let part = |n: usize| {
        text.strip_prefix(PREFIX)
            .unwrap()
            .split('.')
            .nth(n)
            .unwrap()
    };
    let none = BASE64.encode(r#"{"alg":"none","typ":"JWT","kid":1}"#);
    let mut forged = vec![
        String::new(),
        PREFIX.to_owned(),
        text.strip_prefix(PREFIX).unwrap().to_owned(),
        format!("{PREFIX}{}.{}.", part(0), part(1)),
        format!("{PREFIX}{none}.{}.", part(1)),
        format!("{PREFIX}{none}.{}.{}", part(1), part(2)),
        format!("{text}x"),
        format!("kapikey-{}", text.strip_prefix(PREFIX).unwrap()),
    ];
    for n in PREFIX.len()..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes[n] = if bytes[n] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    for forged in forged {
        assert_eq!(UserSession::read(&forged, &keys()), None, "{forged}");
    }
    let others = Keyring::new(1, *b"fedcba9876543210fedcba9876543210");
    assert_eq!(UserSession::read(&text, &others), None);
    let elsewhere = UserSession {
        tenant: "other".into(),
        ..session("meera")
    };
    assert_eq!(UserSession::read(&elsewhere.sign(&keys()), &keys()), None);
}

/// The head names the key, and only that one is tried.
#[test]
fn a_session_is_believed_as_long_as_its_key_is() {
    let keys = keys();
    let older = session("meera").sign(&keys);
    let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    keys.list_signing_keys(&format!("2:{key}\nsecret")).unwrap();
    let newer = session("meera").sign(&keys);
    let is_read = |text: &str| UserSession::read(text, &keys).is_some();
    assert!(is_read(&older) && is_read(&newer));
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (parts(&older), parts(&newer));
    assert!(!is_read(&format!("{}.{}.{}", new[0], old[1], old[2])));
    keys.list_signing_keys(&format!("2:{key}")).unwrap();
    assert!(!is_read(&older) && is_read(&newer));
}
